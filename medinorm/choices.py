"""The closed choices of the configuration, declared once."""

from typing import Literal

NormName = Literal[
    "batch",
    "instance",
    "group",
    "layer",
    "none",
    "adaptive_instance",
    "spatially_adaptive",
    "cluster_instance",
    "thumbnail_instance",
    "self_attentive_instance",
    "batch_instance",
    "switchable",
    "ibn",
    "domain_specific",
    "window_instance",
    "masked_instance",
    # batch norm, and a perturbation of styles after the first two layers
    "mixstyle",
    "dsu",
    "efdmix",
    "permuted_adain",
]
IntensityName = Literal["none", "zscore", "percentile", "population"]
ForegroundName = Literal["image", "nonzero", "positive", "otsu", "label", "file"]
NonfiniteName = Literal["refuse", "ignore"]
ConstantName = Literal["refuse", "zeros"]
DesignName = Literal["lodo", "pooled", "single"]
NetworkName = Literal["unet", "dynunet", "segresnet"]
AdaptName = Literal["none", "batch_statistics", "tent"]
ScannerName = Literal["ge_15t", "siemens_3t", "philips_3t", "lowfield_64mt"]

# Methods with nothing to learn from other scans: one harmonized copy serves all splits.
PER_SCAN_INTENSITIES: frozenset[IntensityName] = frozenset(
    {"none", "zscore", "percentile"}
)
