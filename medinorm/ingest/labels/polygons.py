"""Areas of polygons on a grid of pixels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def fill_polygons(
    polygons: Sequence[NDArray[np.float64]], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """The pixels whose centre lies inside an odd number of polygons.

    A hole is a polygon inside another, or a keyhole: one that runs in and out along the
    same line. A centre on an edge belongs to the polygon on the side of the larger
    coordinate, so that polygons which share an edge share no pixel.

    Args:
        polygons: corners of each, shape ``(N, 2)``, in pixels from the first centre;
            the last corner is joined to the first.
        shape: of the grid.

    Returns:
        Shape `shape`, true inside.

    Examples:
        >>> square = np.array([[0.5, 0.5], [2.5, 0.5], [2.5, 1.5], [0.5, 1.5]])
        >>> fill_polygons([square], (4, 2)).astype(int).T
        array([[0, 0, 0, 0],
               [0, 1, 1, 0]])
    """
    toggles = np.zeros((shape[0] + 1, shape[1]), dtype=np.int32)
    for corners in polygons:
        column, row = _crossings(corners, shape)
        np.add.at(toggles, (column, row), 1)
    odd: NDArray[np.bool_] = np.cumsum(toggles[:-1], axis=0) % 2 == 1
    return odd


def _crossings(
    corners: NDArray[np.float64], shape: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where the edges of a polygon cross lines of pixel centres.

    Returns:
        First pixel behind the crossing along the first axis, and the line.
    """
    # Each edge runs upward, so that two polygons which share it compute the same.
    others = np.roll(corners, -1, axis=0)
    upward = corners[:, 1:] <= others[:, 1:]
    x0, y0 = np.where(upward, corners, others).T
    x1, y1 = np.where(upward, others, corners).T
    first = np.clip(np.ceil(y0), 0, shape[1]).astype(np.intp)
    stop = np.clip(np.ceil(y1), 0, shape[1]).astype(np.intp)
    counts = stop - first
    edge = np.repeat(np.arange(len(corners)), counts)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    row += first[edge]
    slope = (x1 - x0)[edge] / (y1 - y0)[edge]
    column = np.ceil(x0[edge] + (row - y0[edge]) * slope)
    return np.clip(column, 0, shape[0]).astype(np.intp), row
