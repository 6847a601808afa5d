"""Methods that measure nothing: intensities as stored, limits and windows of CT."""

from medinorm.intensity.maps.linear import LinearMap, clip_map, window_map
from medinorm.intensity.method import PreparedScan, per_scan


@per_scan("none", "intensities as stored", measures=False)
def keep_intensities(scan: PreparedScan) -> LinearMap:
    """The map that changes nothing."""
    channels = len(scan.array)
    return LinearMap((0.0,) * channels, (1.0,) * channels)


@per_scan(
    "clip",
    "intensities as stored, cut at two limits",
    measures=False,
    transform="ClipIntensity",
)
def clip_scan(scan: PreparedScan, *, low: float, high: float) -> LinearMap:
    """The map of `clip_map`."""
    return clip_map(low, high, len(scan.array))


@per_scan(
    "window",
    "the edges of a window mapped to 0 and 1",
    measures=False,
    transform="WindowIntensity",
)
def window_scan(scan: PreparedScan, *, center: float, width: float) -> LinearMap:
    """The map of `window_map`."""
    return window_map(center, width, len(scan.array))
