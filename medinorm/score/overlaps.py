"""How many voxels two label maps share, label by label."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.uint8]

_VOXELS_AT_ONCE = 2**20  # counting needs eight bytes a voxel


@dataclass(frozen=True)
class Overlaps:
    """Voxel counts of each label, shape ``(L,)``.

    Args:
        shared: voxels with the label in both maps.
        label: voxels with the label in the true map.
        prediction: voxels with the label in the predicted map.
    """

    shared: NDArray[np.int64]
    label: NDArray[np.int64]
    prediction: NDArray[np.int64]


def count_overlaps(
    label: Labels, prediction: Labels, values: Sequence[int]
) -> Overlaps:
    """Count the voxels of all labels in one pass, by a confusion matrix.

    Args:
        label: the true map, any shape.
        prediction: the predicted map, same shape.
        values: the labels to count, each 1 to 255; other values are background.

    Raises:
        ValueError: the shapes differ.
    """
    if label.shape != prediction.shape:
        raise ValueError("the label map and the prediction differ in shape")
    classes = len(values) + 1
    place = np.zeros(256, np.uint16)
    place[list(values)] = np.arange(1, classes)
    confusion = np.zeros(classes**2, np.int64)
    true, predicted = label.reshape(-1), prediction.reshape(-1)
    for start in range(0, true.size, _VOXELS_AT_ONCE):
        slab = slice(start, start + _VOXELS_AT_ONCE)
        pairs = place[true[slab]] * np.uint16(classes) + place[predicted[slab]]
        confusion += np.bincount(pairs, minlength=classes**2)
    table = confusion.reshape(classes, classes)
    return Overlaps(
        shared=table.diagonal()[1:].copy(),
        label=table.sum(axis=1)[1:],
        prediction=table.sum(axis=0)[1:],
    )
