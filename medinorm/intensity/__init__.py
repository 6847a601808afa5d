"""Image-level intensity maps as array functions: fit on arrays, apply to arrays.

They take NumPy arrays and torch tensors, and return the same kind on the same device,
as float32. Measurements are made in float64. The input is not changed.
"""

from medinorm.intensity.foreground import (
    Policy,
    find_foreground,
    find_masks,
    find_regions,
    largest_component,
    otsu_threshold,
)
from medinorm.intensity.maps.fitted import (
    FittedMap,
    hash_scans,
    read_fitted,
    write_fitted,
)
from medinorm.intensity.maps.intensity_map import IntensityMap
from medinorm.intensity.maps.linear import (
    LinearMap,
    clip_map,
    match_moments,
    standardize,
    window_map,
)
from medinorm.intensity.maps.registry import MAPS, map_from_dict, map_to_dict
from medinorm.intensity.methods.cluster_instance import ClusterMap, fit_clusters
from medinorm.intensity.methods.percentile import fit_percentile, fit_percentiles
from medinorm.intensity.methods.spatially_adaptive import RegionMap, fit_regions
from medinorm.intensity.methods.thumbnail_instance import apply_slabs, fit_thumbnail
from medinorm.intensity.methods.zscore import (
    fit_adaptive,
    fit_group,
    fit_instance,
    fit_layer,
    fit_population,
    measure_foreground,
    name_groups,
)
from medinorm.intensity.statistics.moments import (
    ForegroundMoments,
    measure_moments,
    merge_moments,
    pool_moments,
)
from medinorm.intensity.statistics.quantiles import measure_quantiles

Moments = ForegroundMoments
"""The short name of `ForegroundMoments`, for those who import it from here."""

__all__ = [
    "MAPS",
    "ClusterMap",
    "FittedMap",
    "ForegroundMoments",
    "IntensityMap",
    "LinearMap",
    "Moments",
    "Policy",
    "RegionMap",
    "apply_slabs",
    "clip_map",
    "find_foreground",
    "find_masks",
    "find_regions",
    "fit_adaptive",
    "fit_clusters",
    "fit_group",
    "fit_instance",
    "fit_layer",
    "fit_percentile",
    "fit_percentiles",
    "fit_population",
    "fit_regions",
    "fit_thumbnail",
    "hash_scans",
    "largest_component",
    "map_from_dict",
    "map_to_dict",
    "match_moments",
    "measure_foreground",
    "measure_moments",
    "measure_quantiles",
    "merge_moments",
    "name_groups",
    "otsu_threshold",
    "pool_moments",
    "read_fitted",
    "standardize",
    "window_map",
    "write_fitted",
]
