"""Lesions of a label map: its connected pieces, and which of them were found.

Voxels that share a face, an edge or a corner belong to one lesion (26 neighbours). A
lesion is found if the prediction shares any voxel with it. A predicted piece is false
if it shares none with any lesion.

References:
    Maier-Hein, Reinke et al., "Metrics reloaded: recommendations for image analysis
    validation", Nature Methods 2024, doi:10.1038/s41592-023-02151-z.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import generate_binary_structure, label

Mask = NDArray[np.bool_]


class LesionCounts(NamedTuple):
    """How many lesions there are, and what became of them.

    Args:
        lesions: in the true map.
        detected: of these, with any predicted voxel.
        false: predicted pieces without any voxel of a lesion.
    """

    lesions: int
    detected: int
    false: int


def count_lesions(true: Mask, predicted: Mask) -> LesionCounts:
    """Count lesions, those found and pieces that are none.

    Args:
        true: where lesions are.
        predicted: where they were predicted, same shape.

    Examples:
        >>> true = np.array([1, 1, 0, 1, 0, 0, 0], np.bool_)
        >>> predicted = np.array([0, 1, 0, 0, 0, 1, 1], np.bool_)
        >>> count_lesions(true, predicted)
        LesionCounts(lesions=2, detected=1, false=1)
    """
    neighbours = generate_binary_structure(true.ndim, true.ndim)
    lesions, number = label(true, neighbours)
    pieces, predictions = label(predicted, neighbours)
    both = true & predicted
    return LesionCounts(
        lesions=int(number),
        detected=len(np.unique(lesions[both])),
        false=int(predictions) - len(np.unique(pieces[both])),
    )
