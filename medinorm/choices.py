"""The closed choices of the configuration, declared once."""

from collections.abc import Mapping
from typing import Literal

from medinorm import method_names

NormName = method_names.NormName  # declared in medinorm/layers
IntensityName = method_names.IntensityName  # declared in medinorm/intensity
ForegroundName = Literal["image", "nonzero", "positive", "otsu", "label", "file"]
NonfiniteName = Literal["refuse", "ignore"]
ConstantName = Literal["refuse", "zeros"]
BiasFieldName = Literal["none", "n4"]
PeakName = Literal["darkest", "largest", "brightest"]
SurfaceName = Literal["area", "voxel"]
TissueName = Literal["darkest", "middle", "brightest"]
SourceName = Literal["thumbnail", "tiles", "exact"]
DesignName = method_names.DesignName  # declared in medinorm/split/designs.py
NetworkName = method_names.NetworkName  # in medinorm/train/networks
AugmentationName = method_names.AugmentationName  # in medinorm/train/augmentations.py
AdaptName = method_names.AdaptName  # in medinorm/predict/adaptations.py
ScannerName = method_names.ScannerName  # in medinorm/demo/scanners.py

# Methods that learn from the training scans of a split, before any scan is mapped.
FITTED_INTENSITIES: frozenset[IntensityName] = frozenset(
    method_names.LEARNED_DECLARATIONS
)
# The others: one harmonized copy serves all splits.
PER_SCAN_INTENSITIES: frozenset[IntensityName] = frozenset(
    method_names.PER_SCAN_DECLARATIONS
)
# Methods whose map does not depend on the scan that it is applied to.
UNMEASURED_INTENSITIES: frozenset[IntensityName] = frozenset(
    name
    for name, method in method_names.INTENSITY_DECLARATIONS.items()
    if not method.facts.get("measures", True)
)
# Methods that can make scans with a constant foreground zeros.
ZEROING_INTENSITIES: frozenset[IntensityName] = frozenset(
    name
    for name, method in method_names.INTENSITY_DECLARATIONS.items()
    if method.facts.get("constant_zeros", False)
)
# Other names that the configuration takes, each with the name of its method.
INTENSITY_ALIASES: Mapping[str, IntensityName] = {
    method.facts["alias"]: name
    for name, method in method_names.INTENSITY_DECLARATIONS.items()
    if "alias" in method.facts
}
