"""The loops themselves, over voxels ``first`` to ``last`` of ``(N, V, C)`` arrays.

Importing this module needs numba. The innermost loop is that over channels, which lie
side by side: compilers turn it into vector instructions. Sums are those of `_ROWS`
voxels in the dtype of the values, added up in float64, so that their error does not
grow with the size of a volume. The loops hold no lock of Python's: threads share them.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

Loop = TypeVar("Loop", bound=Callable[..., None])
Values = NDArray[np.floating[Any]]
Sums = NDArray[np.float64]

_ROWS = 64

# Products and sums may be fused. Sums are not reordered: the rest of a mean is 0
# in exact numbers, and a compiler that may reorder may leave it out.
_compile: Callable[[Loop], Loop] = njit(nogil=True, fastmath={"contract"})


@_compile
def measure(x: Values, first: int, last: int, sums: Sums) -> None:
    """Mean and sum of squared distances from it; `sums` is ``(2, N, C)``."""
    samples, _, channels = x.shape
    centre, rest, squares = np.empty((3, channels), x.dtype)
    sums[:] = 0
    for n in range(samples):
        for start in range(first, last, _ROWS):
            end = min(last, start + _ROWS)
            _measure_rows(x[n, start:end], centre, rest, squares)
            # The pairwise update of Chan, Golub and LeVeque (1983).
            count, seen = end - start, start - first
            for c in range(channels):
                shift = np.float64(rest[c]) / count
                step = np.float64(centre[c]) + shift - sums[0, n, c]
                own = np.float64(squares[c]) - count * shift * shift
                sums[0, n, c] += step * count / (seen + count)
                sums[1, n, c] += own + step * step * seen * count / (seen + count)


@_compile
def _measure_rows(x: Values, centre: Values, rest: Values, squares: Values) -> None:
    """Rounded mean of ``(V, C)``, and the sums of distances from it and of squares."""
    _average_rows(x, centre)
    voxels, channels = x.shape
    rest[:] = 0
    squares[:] = 0
    whole = voxels - voxels % 4  # four at a time: sums are read and written once
    for v in range(0, whole, 4):
        for c in range(channels):
            one, two = x[v, c] - centre[c], x[v + 1, c] - centre[c]
            three, four = x[v + 2, c] - centre[c], x[v + 3, c] - centre[c]
            rest[c] += (one + two) + (three + four)
            squares[c] += (one * one + two * two) + (three * three + four * four)
    for v in range(whole, voxels):
        for c in range(channels):
            distance = x[v, c] - centre[c]
            rest[c] += distance
            squares[c] += distance * distance


@_compile
def _average_rows(x: Values, centre: Values) -> None:
    """Rounded mean of ``(V, C)``."""
    voxels, channels = x.shape
    centre[:] = 0
    whole = voxels - voxels % 4
    for v in range(0, whole, 4):
        for c in range(channels):
            centre[c] += (x[v, c] + x[v + 1, c]) + (x[v + 2, c] + x[v + 3, c])
    for v in range(whole, voxels):
        for c in range(channels):
            centre[c] += x[v, c]
    for c in range(channels):
        centre[c] /= voxels


@_compile
def apply_affine(x: Values, terms: Values, first: int, last: int, out: Values) -> None:
    """``(x - centre) * scale + bias``; `terms` is these three, ``(3, N, C)``."""
    samples, _, channels = x.shape
    centre, scale, bias = terms
    for n in range(samples):
        for v in range(first, last):
            for c in range(channels):
                out[n, v, c] = (x[n, v, c] - centre[n, c]) * scale[n, c] + bias[n, c]


@_compile
def reduce_gradient(
    gradient: Values, x: Values, centre: Values, first: int, last: int, sums: Sums
) -> None:
    """Sums of `gradient` and of `gradient` times ``x - centre``: ``(2, N, C)``."""
    samples, _, channels = x.shape
    total, moment = np.empty((2, channels), x.dtype)
    sums[:] = 0
    for n in range(samples):
        for start in range(first, last, _ROWS):
            total[:] = 0
            moment[:] = 0
            for v in range(start, min(last, start + _ROWS)):
                for c in range(channels):
                    total[c] += gradient[n, v, c]
                    moment[c] += gradient[n, v, c] * (x[n, v, c] - centre[n, c])
            sums[0, n] += total
            sums[1, n] += moment


@_compile
def combine(
    gradient: Values, x: Values, terms: Values, first: int, last: int, out: Values
) -> None:
    """``gradient * a + (x - centre) * b + c``; `terms` is centre, a, b, c."""
    samples, _, channels = x.shape
    centre, a, b, c = terms
    for n in range(samples):
        for v in range(first, last):
            for i in range(channels):
                centred = (x[n, v, i] - centre[n, i]) * b[n, i] + c[n, i]
                out[n, v, i] = gradient[n, v, i] * a[n, i] + centred
