"""The closed choices of the configuration, declared once."""

from typing import Literal, get_args

from medinorm import method_names

NormName = method_names.NormName  # declared in medinorm/layers
IntensityName = Literal[
    "none",
    "zscore",
    "layer",
    "group",
    "percentile",
    "population",
    "adaptive_instance",
    "spatially_adaptive",
    "cluster_instance",
    "thumbnail_instance",
    "nyul",
    "histogram",
    "whitestripe",
    "fcm",
    "kde",
    "clip",
    "window",
]
ForegroundName = Literal["image", "nonzero", "positive", "otsu", "label", "file"]
NonfiniteName = Literal["refuse", "ignore"]
ConstantName = Literal["refuse", "zeros"]
BiasFieldName = Literal["none", "n4"]
PeakName = Literal["darkest", "largest", "brightest"]
TissueName = Literal["darkest", "middle", "brightest"]
SourceName = Literal["thumbnail", "tiles", "exact"]
DesignName = Literal["lodo", "pooled", "single"]
NetworkName = Literal["unet", "dynunet", "segresnet"]
AdaptName = Literal["none", "batch_statistics", "tent"]
ScannerName = Literal["ge_15t", "siemens_3t", "philips_3t", "lowfield_64mt"]

# Methods that learn from the training scans of a split, before any scan is mapped.
FITTED_INTENSITIES: frozenset[IntensityName] = frozenset(
    {"population", "adaptive_instance", "cluster_instance", "nyul", "histogram"}
)
# The others: one harmonized copy serves all splits.
PER_SCAN_INTENSITIES: frozenset[IntensityName] = (
    frozenset(get_args(IntensityName)) - FITTED_INTENSITIES
)
# Methods whose map does not depend on the scan that it is applied to.
UNMEASURED_INTENSITIES: frozenset[IntensityName] = frozenset(
    {"none", "clip", "window", "population"}
)
