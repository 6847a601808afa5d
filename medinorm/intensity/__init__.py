"""Image-level intensity maps as NumPy kernels: fit on arrays, apply to arrays."""

from medinorm.intensity.foreground import (
    find_foreground,
    find_regions,
    otsu_threshold,
)
from medinorm.intensity.linear import (
    LinearMap,
    Moments,
    fit_percentiles,
    measure_moments,
    merge_moments,
    standardize,
)

__all__ = [
    "LinearMap",
    "Moments",
    "find_foreground",
    "find_regions",
    "fit_percentiles",
    "measure_moments",
    "merge_moments",
    "otsu_threshold",
    "standardize",
]
