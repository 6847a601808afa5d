"""Foreground: the voxels whose intensities are measured.

The choice limits what is measured. The fitted map applies to all voxels, unless it sets
a background.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from medinorm.choices import ConstantName, ForegroundName, NonfiniteName
from medinorm.errors import IntensityError
from medinorm.intensity.voxels.arrays import (
    blocks,
    measure_any,
    require_finite,
)
from medinorm.intensity.voxels.kinds import (
    Mask,
    Rule,
    Voxels,
    as_mask,
    is_accelerated,
    is_tensor,
    match_kind,
    require_grid,
    to_host,
)
from medinorm.intensity.voxels.ranks import find_ranks

_BINS = 256
_MARGIN = 100  # the last bin is longer by this fraction, so that it has the brightest
_EXTREME = 0.001
_CLASSES = range(2, 6)  # more take minutes
NEEDS_MASK: frozenset[ForegroundName] = frozenset({"label", "file"})
"""Foregrounds that are masks, to be given with the image."""


@dataclass(frozen=True)
class Policy:
    """Which voxels are measured, and what happens to unusable scans.

    Args:
        foreground: ``image`` (all voxels), ``nonzero``, ``positive``, ``otsu`` (voxels
            above the threshold between background and tissue, Otsu 1979), ``label``
            (the scan's label map) or ``file`` (a mask of its own).
        largest: keep the largest connected part of the foreground only.
        nonfinite: ``refuse`` scans with NaN or infinity, or ``ignore`` such voxels:
            they are left out of the foreground.
        constant: ``refuse`` scans with a constant foreground, or make it ``zeros``.
            Then a channel that is constant as a whole (a sequence that was not
            acquired) is all foreground, whatever the threshold.
        background: what voxels outside of the foreground become; ``None``: the map
            applies to them too.
        nonfinite_value: what NaN and infinity become, where they are ignored; ``None``:
            they stay.
    """

    foreground: ForegroundName
    largest: bool = False
    nonfinite: NonfiniteName = "refuse"
    constant: ConstantName = "refuse"
    background: float | None = None
    nonfinite_value: float | None = None


def find_masks(
    array: Voxels, policy: Policy, mask: Voxels | None = None
) -> tuple[Voxels | None, ...]:
    """The foreground of each channel by a policy.

    Args:
        array: shape ``(C, ...)``, NumPy or torch.
        policy: the foreground, and whether NaN and infinity are refused.
        mask: for ``label`` and ``file``: shape ``(C, ...)``, ``(1, ...)`` or the grid
            alone; foreground as `medinorm.intensity.voxels.kinds.as_mask`
            says.

    Returns:
        One mask for each channel, of the kind and on the device of `array`; ``None``
        stands for all voxels.

    Raises:
        IntensityError: voxels are NaN or infinite, the policy needs a mask and none is
            given (or the reverse), it is on another grid, or nothing is in it.
    """
    if (mask is not None) != (policy.foreground in NEEDS_MASK):
        need = "needs a" if mask is None else "takes no"
        raise IntensityError(f"foreground {policy.foreground!r} {need} mask")
    own: Sequence[Voxels | None] = [None] * len(array)
    if mask is not None:
        own = _by_channel(mask, array)
    return tuple(
        _find_mask(channel, policy, channel_mask)
        for channel, channel_mask in zip(array, own, strict=True)
    )


def masks_to_measure(
    array: Voxels, policy: Policy, mask: Voxels | None = None
) -> tuple[Voxels | Rule | None, ...]:
    """As `find_masks`, for `medinorm.intensity.voxels.arrays.measure`.

    A rule that needs one voxel at a time stays a rule: it is applied while measuring,
    without another pass over the voxels.
    """
    rule = POINTWISE.get(policy.foreground)
    strict = (policy.nonfinite, policy.constant) == ("refuse", "refuse")
    if rule and mask is None and not policy.largest and strict:
        return (rule,) * len(array)
    return find_masks(array, policy, mask)


def find_foreground(channel: NDArray[Any], method: ForegroundName) -> Mask:
    """The foreground of one channel.

    Args:
        channel: shape ``(X, Y, Z)``, finite.
        method: as in `Policy`, without those that take a mask.

    Returns:
        Mask of the same shape.

    Raises:
        IntensityError: no voxel is in the foreground, or it needs a mask.
    """
    if method not in FOREGROUNDS:
        raise IntensityError(f"foreground {method!r} needs a mask")
    mask = FOREGROUNDS[method](channel)
    if not mask.any():
        raise empty_error(method)
    return mask


def largest_component(mask: Mask) -> Mask:
    """The largest part of a mask whose voxels touch, faces and corners alike.

    Args:
        mask: 2 or 3 axes, some voxel set.
    """
    parts = sitk.ConnectedComponent(sitk.GetImageFromArray(mask.astype(np.uint8)), True)
    labels = sitk.GetArrayViewFromImage(parts)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == sizes.argmax())


def otsu_threshold(channel: NDArray[Any]) -> float:
    """The intensity that best separates two classes of voxels.

    It is found on the square roots of the intensities above the darkest. Otherwise
    bright fat near a coil would be one class, and brain and air the other. It moves
    with gain and offset of a scanner.

    Args:
        channel: any shape, finite.

    References:
        Otsu, "A threshold selection method from gray-level histograms", IEEE
        Transactions on Systems, Man, and Cybernetics 9(1), 1979.
    """
    dark, bright = _extremes(channel)
    low, high = (
        _root(np.clip(edge, dark, bright), dark)
        for edge in (channel.min(), channel.max())
    )
    if not high > low:
        return float(dark) + float(low) ** 2
    edges = _bin_edges(low, high)
    counts = np.zeros(_BINS, dtype=np.int64)
    # Block by block: a copy of the whole in double precision would fill the memory.
    with blocks(channel, dtypes=[np.float64]) as each:
        for voxels in each:
            roots = _root(np.clip(voxels, dark, bright), dark)
            places = np.searchsorted(edges[:-1], roots, side="right") - 1
            counts += np.bincount(places, minlength=_BINS)
    return float(dark) + float(_best_edge(edges, counts)) ** 2


def _extremes(channel: NDArray[Any]) -> NDArray[np.float64]:
    """The quantiles as `numpy.quantile` has them, without a copy of all voxels."""
    lower, upper, between = find_ranks(channel, None, (_EXTREME, 1 - _EXTREME))
    ranks = np.stack([lower, upper], axis=1).astype(channel.dtype)
    # In double precision: a Python number would be rounded to the type of the voxels.
    quantiles = [
        np.quantile(pair, (share,)) for pair, share in zip(ranks, between, strict=True)
    ]
    return np.concatenate(quantiles)


def _root(value: NDArray[Any], dark: float) -> NDArray[np.float32]:
    """The square root of what is above the darkest."""
    return np.sqrt(np.asarray(value, dtype=np.float64) - dark).astype(np.float32)


def _bin_edges(low: NDArray[np.float32], high: NDArray[np.float32]) -> NDArray[Any]:
    """Edges of the bins as ITK has them: the last reaches a little further."""
    bins = np.float32(_BINS)
    last = high + (high - low) / bins / np.float32(_MARGIN)
    edges = low + np.arange(_BINS + 1, dtype=np.float32) * ((last - low) / bins)
    edges[-1] = last
    return edges


def _best_edge(edges: NDArray[Any], counts: NDArray[np.int64]) -> np.float32:
    """The upper edge of the bin after which two classes differ most."""
    middles = ((edges[:-1] + edges[1:]) / np.float32(2)).astype(np.float64)
    share = np.cumsum(counts) / counts.sum()
    mean = np.cumsum(counts * middles) / counts.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (mean[-1] * share - mean) ** 2 / (share * (1 - share))
    between = np.where(np.isfinite(between), between, -1.0)[:-1]
    return np.float32(edges[1:][int(np.argmax(between))])


def find_regions(channel: NDArray[Any], count: int) -> NDArray[np.uint8]:
    """Divide voxels into classes of intensity, from dark (0) to bright, by multi-Otsu.

    Like `otsu_threshold`, among square roots.

    Args:
        channel: shape ``(X, Y, Z)``, finite.
        count: number of classes, from 2 to 5.

    Raises:
        IntensityError: another number of classes is asked for.

    References:
        Liao, Chen and Chung, "A fast algorithm for multilevel thresholding", Journal of
        Information Science and Engineering 17(5), 2001.
    """
    if count not in _CLASSES:
        raise IntensityError(
            f"{count} classes of intensity cannot be found; ask for "
            f"{_CLASSES[0]} to {_CLASSES[-1]}"
        )
    roots, _ = _roots(channel)
    otsu = sitk.OtsuMultipleThresholdsImageFilter()
    otsu.SetNumberOfThresholds(count - 1)
    otsu.SetNumberOfHistogramBins(_BINS // 2)  # all combinations of bins are tried
    otsu.Execute(sitk.GetImageFromArray(roots.reshape(1, -1)))
    classes = np.digitize(roots, sorted(otsu.GetThresholds()), right=True)
    return np.asarray(classes, dtype=np.uint8)


def _find_mask(channel: Voxels, policy: Policy, mask: Voxels | None) -> Voxels | None:
    """The foreground of one channel, on its device."""
    finite = _finite(channel, policy)
    chosen = _choose(channel, finite, policy.foreground, mask)
    if finite is not None:
        chosen = finite if chosen is None else chosen & finite
    if chosen is None:
        return None
    if not chosen.any():
        return _all_of_constant(channel, finite, policy)
    if policy.largest:
        return match_kind(largest_component(to_host(chosen)), channel)
    return chosen


def _choose(
    channel: Voxels,
    finite: Voxels | None,
    method: ForegroundName,
    mask: Voxels | None,
) -> Voxels | None:
    """The voxels that a method picks, or those of a mask; ``None``: all."""
    if mask is not None:
        require_grid(mask, channel)
        inside = as_mask(mask)
        return inside if is_tensor(inside) else match_kind(to_host(inside), channel)
    if method == "image":
        return None
    if is_accelerated(channel) and method in POINTWISE:
        return cast("Voxels", POINTWISE[method](channel))
    return _on_host(channel, finite, method)


def _all_of_constant(
    channel: Voxels, finite: Voxels | None, policy: Policy
) -> Voxels | None:
    """All voxels of a channel without foreground, if it is to become zeros.

    Raises:
        IntensityError: it is not constant, or the policy refuses that.
    """
    if policy.constant == "zeros" and policy.foreground not in NEEDS_MASK:
        moments = measure_any(channel, finite)
        if moments.count and not moments.m2:
            return finite
    raise empty_error(policy.foreground)


def _finite(channel: Voxels, policy: Policy) -> Voxels | None:
    """Which voxels are finite; ``None``: all of them.

    If all voxels are foreground, the measurement itself refuses NaN and infinity.
    """
    if policy.nonfinite == "refuse":
        if policy.foreground != "image":
            require_finite(channel)
        return None
    finite = match_kind(np.isfinite(to_host(channel)), channel)
    return None if finite.all() else finite


def _on_host(channel: Voxels, finite: Voxels | None, method: ForegroundName) -> Voxels:
    """The foreground by NumPy and SimpleITK, which cannot work with NaN."""
    values = to_host(channel)
    if finite is not None:
        inside = to_host(finite)
        lowest = values[inside].min() if inside.any() else 0
        values = np.where(inside, values, lowest)
    return match_kind(FOREGROUNDS[method](values), channel)


def _by_channel(mask: Voxels, array: Voxels) -> Sequence[Voxels]:
    """A mask as one for each channel."""
    if mask.ndim == array.ndim - 1:
        return [mask] * len(array)
    if mask.ndim == array.ndim and len(mask) in (1, len(array)):
        return [mask[0]] * len(array) if len(mask) == 1 else list(mask)
    require_grid(mask, array)
    return list(mask)


def empty_error(method: ForegroundName) -> IntensityError:
    """The error for an empty foreground."""
    return IntensityError(
        f"no voxel is in the foreground {method!r}; choose another foreground"
    )


def _roots(channel: NDArray[Any]) -> tuple[NDArray[np.float32], float]:
    """Square roots of the intensities above the darkest, and what counts as darkest.

    The 0.1 % darkest and brightest voxels are set to the quantile there: a few extreme
    ones (padding, vessels, metal) would fill the histogram with empty bins.
    """
    dark, bright = np.quantile(channel, (_EXTREME, 1 - _EXTREME))
    above = np.clip(channel, dark, bright).astype(np.float64) - dark
    return np.sqrt(above).astype(np.float32), float(dark)


# Rules that look at one voxel at a time, the same for NumPy and torch.
POINTWISE: Mapping[ForegroundName, Rule] = {
    "nonzero": lambda channel: channel != 0,
    "positive": lambda channel: channel > 0,
}
FOREGROUNDS: Mapping[ForegroundName, Callable[[NDArray[Any]], Mask]] = {
    "image": lambda channel: np.ones(channel.shape, dtype=bool),
    **POINTWISE,
    "otsu": lambda channel: channel > otsu_threshold(channel),
}
