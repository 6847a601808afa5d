"""Methods that measure nothing: intensities as stored, limits and windows of CT."""

from medinorm.intensity.maps.linear import LinearMap, clip_map, window_map
from medinorm.intensity.method import PreparedScan, per_scan


@per_scan("none", "intensities as stored", measures=False)
def keep_intensities(scan: PreparedScan) -> LinearMap:
    r"""The map that changes nothing.

    .. math:: y = x
    """
    channels = len(scan.array)
    return LinearMap((0.0,) * channels, (1.0,) * channels)


@per_scan(
    "clip",
    "intensities as stored, cut at two limits",
    measures=False,
    transform="ClipIntensity",
)
def clip_scan(scan: PreparedScan, *, low: float, high: float) -> LinearMap:
    r"""The map of `clip_map`.

    .. math:: y = \min(\max(x, l), h)

    with the limits :math:`l` and :math:`h`, in the unit of the scan.
    """
    return clip_map(low, high, len(scan.array))


@per_scan(
    "window",
    "the edges of a window mapped to 0 and 1",
    measures=False,
    transform="WindowIntensity",
)
def window_scan(scan: PreparedScan, *, center: float, width: float) -> LinearMap:
    r"""The map of `window_map`.

    .. math:: y = \min\Bigl(\max\Bigl(\frac{x - c}{w} + \frac12,\,0\Bigr),\,1\Bigr)

    with the window's center :math:`c` and width :math:`w`, in HU.

    References:
        DICOM PS3.3, section C.11.2.1.3.2, the VOI LUT function ``LINEAR_EXACT``.
    """
    return window_map(center, width, len(scan.array))
