"""What predictions say about themselves, without a label map.

Networks that differ by their seed alone make different errors. Where they agree, they
are often right: for classifiers the expected disagreement of two runs is about the
expected error of one (Jiang et al.), also on new domains (Baek et al.). For label maps
the agreement is the Dice of one prediction with another.

References:
    Jiang et al., "Assessing generalization of SGD via disagreement", ICLR 2022,
    arXiv:2106.13799.
    Baek et al., "Agreement-on-the-line: predicting the performance of neural networks
    under distribution shift", NeurIPS 2022, arXiv:2206.13089.
"""

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from medinorm.score.calibration import mark_band
from medinorm.score.overlaps import Labels, count_overlaps


def compare_by_dice(one: Labels, other: Labels, values: Sequence[int]) -> float | None:
    """Mean Dice over the labels that at least one of two label maps has.

    Args:
        one: shape ``(X, Y, Z)``.
        other: same shape.
        values: of the labels.

    Returns:
        0 to 1; ``None`` where neither map has a label.

    Examples:
        >>> one = np.array([1, 1, 2, 0], np.uint8)
        >>> compare_by_dice(one, np.array([1, 0, 2, 0], np.uint8), (1, 2, 3))
        0.8333333333333333
    """
    overlaps = count_overlaps(one, other, values)
    sizes = overlaps.label + overlaps.prediction
    known = sizes > 0
    if not known.any():
        return None
    return float(np.mean(2 * overlaps.shared[known] / sizes[known]))


def measure_agreement(maps: Sequence[Labels], values: Sequence[int]) -> float | None:
    """Mean Dice of each pair of label maps of one scan.

    Args:
        maps: one for each seed, of one shape.
        values: of the labels.

    Returns:
        0 to 1; ``None`` with fewer than two maps. Maps without any label agree in
        nothing: 0.
    """
    pairs = [compare_by_dice(*pair, values) for pair in combinations(maps, 2)]
    return fmean(dice or 0.0 for dice in pairs) if pairs else None


def measure_sureness(
    label_map: Labels,
    confidence: NDArray[np.uint8] | NDArray[np.float32],
    spacing: Sequence[float],
) -> float | None:
    """Mean probability of the predicted label, near the predicted structures.

    Args:
        label_map: shape ``(X, Y, Z)``.
        confidence: of the label in each voxel, same shape; bytes stand for 0 to 1.
        spacing: in mm.

    Returns:
        0 to 1; ``None`` where no structure was predicted.
    """
    marked = mark_band(label_map > 0, spacing)
    if marked is None:
        return None
    near, band = marked
    mean = float(np.mean(confidence[near][band], dtype=np.float64))
    return mean / 255 if confidence.dtype == np.uint8 else mean
