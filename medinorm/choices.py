"""The closed choices of the configuration, declared once."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from medinorm import method_names
from medinorm.declarations import Declaration, read_declarations

NormName = method_names.NormName  # declared in medinorm/layers
_METHODS = "medinorm.intensity.methods"
_PER_SCAN = read_declarations(_METHODS, "per_scan")
_LEARNED = read_declarations(_METHODS, "learned")
INTENSITY_METHODS: Mapping[str, Declaration] = MappingProxyType(
    dict(sorted({**_PER_SCAN, **_LEARNED}.items()))
)
"""What each intensity method says about itself (`medinorm.intensity.method.Facts`)."""

if TYPE_CHECKING:
    IntensityName = str
else:
    IntensityName = Literal[tuple(INTENSITY_METHODS)]

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
FITTED_INTENSITIES: frozenset[IntensityName] = frozenset(_LEARNED)
# The others: one harmonized copy serves all splits.
PER_SCAN_INTENSITIES: frozenset[IntensityName] = frozenset(_PER_SCAN)
# Methods whose map does not depend on the scan that it is applied to.
UNMEASURED_INTENSITIES: frozenset[IntensityName] = frozenset(
    name
    for name, method in INTENSITY_METHODS.items()
    if not method.facts.get("measures", True)
)
# Methods that can make scans with a constant foreground zeros.
ZEROING_INTENSITIES: frozenset[IntensityName] = frozenset(
    name
    for name, method in INTENSITY_METHODS.items()
    if method.facts.get("constant_zeros", False)
)
# Other names that the configuration takes, each with the name of its method.
INTENSITY_ALIASES: Mapping[str, IntensityName] = {
    method.facts["alias"]: name
    for name, method in INTENSITY_METHODS.items()
    if "alias" in method.facts
}
