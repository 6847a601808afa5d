"""Image-level normalization as MONAI transforms, over `medinorm.intensity`.

Each has an array version and, with a ``d`` at the end, one for dictionaries. They map
channel by channel, give float32, leave their input as it is, and follow MONAI in all
else: metadata, missing keys, random states, tracing, inversion, bundles. What they
share (foreground, background, NaN, constant scans) is in
`medinorm.transforms.settings.Settings`.
"""

from medinorm.transforms.adaptive_instance import (
    AdaptiveInstanceNormalize,
    AdaptiveInstanceNormalized,
)
from medinorm.transforms.cluster import ClusterNormalize, ClusterNormalized
from medinorm.transforms.ct import (
    ClipIntensity,
    ClipIntensityd,
    WindowIntensity,
    WindowIntensityd,
)
from medinorm.transforms.fcm import FcmNormalize, FcmNormalized
from medinorm.transforms.group import GroupNormalize, GroupNormalized
from medinorm.transforms.histogram import HistogramMatch, HistogramMatchd
from medinorm.transforms.instance import InstanceNormalize, InstanceNormalized
from medinorm.transforms.kde import KdeNormalize, KdeNormalized
from medinorm.transforms.layer import LayerNormalize, LayerNormalized
from medinorm.transforms.nyul import NyulNormalize, NyulNormalized
from medinorm.transforms.percentile import PercentileScale, PercentileScaled
from medinorm.transforms.population import PopulationNormalize, PopulationNormalized
from medinorm.transforms.rand_adaptive_instance import (
    RandAdaptiveInstanceNormalize,
    RandAdaptiveInstanceNormalized,
)
from medinorm.transforms.rand_scanner_contrast import (
    RandScannerContrast,
    RandScannerContrastd,
)
from medinorm.transforms.region import RegionNormalize, RegionNormalized
from medinorm.transforms.thumbnail import ThumbnailNormalize, ThumbnailNormalized
from medinorm.transforms.whitestripe import (
    WhiteStripeNormalize,
    WhiteStripeNormalized,
)

__all__ = [
    "AdaptiveInstanceNormalize",
    "AdaptiveInstanceNormalized",
    "ClipIntensity",
    "ClipIntensityd",
    "ClusterNormalize",
    "ClusterNormalized",
    "FcmNormalize",
    "FcmNormalized",
    "GroupNormalize",
    "GroupNormalized",
    "HistogramMatch",
    "HistogramMatchd",
    "InstanceNormalize",
    "InstanceNormalized",
    "KdeNormalize",
    "KdeNormalized",
    "LayerNormalize",
    "LayerNormalized",
    "NyulNormalize",
    "NyulNormalized",
    "PercentileScale",
    "PercentileScaled",
    "PopulationNormalize",
    "PopulationNormalized",
    "RandAdaptiveInstanceNormalize",
    "RandAdaptiveInstanceNormalized",
    "RandScannerContrast",
    "RandScannerContrastd",
    "RegionNormalize",
    "RegionNormalized",
    "ThumbnailNormalize",
    "ThumbnailNormalized",
    "WhiteStripeNormalize",
    "WhiteStripeNormalized",
    "WindowIntensity",
    "WindowIntensityd",
]
