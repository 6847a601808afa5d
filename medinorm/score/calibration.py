"""How sure a prediction was, and how often it was right, near the structures.

Far from any structure a network is always sure and always right. Therefore only a band
counts: voxels of a structure, true or predicted, and those up to 5 mm away along each
axis. The confidence of a voxel is the probability of the label that was predicted
there.

References:
    Guo et al., "On calibration of modern neural networks", ICML 2017, arXiv:1706.04599.
    Brier, "Verification of forecasts expressed in terms of probability", Monthly
    Weather Review 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, maximum_filter1d

from medinorm.records.calibration import BINS
from medinorm.score.overlaps import Labels

BAND = 5.0  # mm

_LEVELS = 256  # confidence is kept in bytes


class Calibration(NamedTuple):
    """The columns of `CalibrationRow` that are measured."""

    voxels: tuple[int, ...]
    correct: tuple[int, ...]
    confidence: tuple[float, ...]
    brier: float


def measure_calibration(
    label: Labels,
    prediction: Labels,
    confidence: Labels,
    spacing: Sequence[float],
    ignored: int | None = None,
) -> Calibration | None:
    """Count voxels by confidence, all and right ones, in a band around structures.

    Args:
        label: the true map, shape ``(X, Y, Z)``.
        prediction: the predicted map, same shape.
        confidence: of the prediction, 255 is certainty, same shape.
        spacing: distance of voxel centres along the axes, in mm.
        ignored: value of true voxels that count for nothing.

    Returns:
        ``None`` where there is no structure at all.

    Examples:
        >>> true = np.array([[[0, 1, 1, 1]]], np.uint8)
        >>> sure = np.array([[[255, 255, 255, 51]]], np.uint8)
        >>> found = measure_calibration(true, true[..., ::-1], sure, (1, 1, 1))
        >>> found.voxels[4], found.voxels[-1], found.correct[-1], round(found.brier, 2)
        (1, 3, 2, 0.26)
    """
    structure = ((label > 0) & (label != (ignored or 0))) | (prediction > 0)
    marked = mark_band(structure, spacing)
    if marked is None:
        return None
    near, counted = marked
    if ignored is not None:
        counted &= label[near] != ignored
    right = (label[near] == prediction[near])[counted]
    return _bin_by_confidence(confidence[near][counted], right)


def mark_band(
    structure: NDArray[np.bool_], spacing: Sequence[float]
) -> tuple[tuple[slice, ...], NDArray[np.bool_]] | None:
    """The voxels of a structure, and those up to 5 mm away along each axis.

    Args:
        structure: shape ``(X, Y, Z)``.
        spacing: distance of voxel centres along the axes, in mm.

    Returns:
        A box around them, and which of its voxels they are; ``None`` where there is no
        structure at all.
    """
    reach = [int(BAND / step) for step in spacing]
    (box,) = find_objects(structure.view(np.uint8)) or (None,)
    if box is None:
        return None
    near = tuple(
        slice(max(side.start - n, 0), side.stop + n)
        for side, n in zip(box, reach, strict=True)
    )
    band = structure[near].view(np.uint8)
    for axis, n in enumerate(reach):
        band = maximum_filter1d(band, 2 * n + 1, axis=axis, mode="constant")
    return near, band.view(np.bool_)


def _bin_by_confidence(levels: Labels, right: NDArray[np.bool_]) -> Calibration:
    """Counts of voxels by the confidence of each."""
    everything = np.bincount(levels, minlength=_LEVELS)
    correct = np.bincount(levels[right], minlength=_LEVELS)
    shares = np.arange(_LEVELS) / (_LEVELS - 1)
    bins = np.minimum(np.arange(_LEVELS) * BINS // (_LEVELS - 1), BINS - 1)
    voxels = np.bincount(bins, everything, BINS)
    wrong = everything - correct
    squares = correct * (1 - shares) ** 2 + wrong * shares**2
    means = np.bincount(bins, everything * shares, BINS) / np.maximum(voxels, 1)
    return Calibration(
        voxels=tuple(int(n) for n in voxels),
        correct=tuple(int(n) for n in np.bincount(bins, correct, BINS)),
        confidence=tuple(round(float(mean), 6) for mean in means),
        brier=float(squares.sum() / max(everything.sum(), 1)),
    )
