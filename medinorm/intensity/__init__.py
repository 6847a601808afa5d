"""Image-level intensity maps as array kernels: fit on arrays, apply to arrays.

NumPy arrays and torch tensors alike: what comes in goes out, on the same device, as
float32; measurements are made in float64; the input is not changed.
"""

from medinorm.intensity.fitted import (
    FittedMap,
    hash_scans,
    read_fitted,
    write_fitted,
)
from medinorm.intensity.foreground import (
    Policy,
    find_foreground,
    find_masks,
    find_regions,
    largest_component,
    otsu_threshold,
)
from medinorm.intensity.linear import LinearMap, clip_map, standardize, window_map
from medinorm.intensity.maps import IntensityMap
from medinorm.intensity.moments import Moments, measure_moments, merge_moments
from medinorm.intensity.percentiles import fit_percentiles, measure_quantiles
from medinorm.intensity.registry import MAPS, map_from_dict, map_to_dict

__all__ = [
    "MAPS",
    "FittedMap",
    "IntensityMap",
    "LinearMap",
    "Moments",
    "Policy",
    "clip_map",
    "find_foreground",
    "find_masks",
    "find_regions",
    "fit_percentiles",
    "hash_scans",
    "largest_component",
    "map_from_dict",
    "map_to_dict",
    "measure_moments",
    "measure_quantiles",
    "merge_moments",
    "otsu_threshold",
    "read_fitted",
    "standardize",
    "window_map",
    "write_fitted",
]
