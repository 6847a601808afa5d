"""Values of whole steps, spread so that a histogram shows no comb."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

_WIDEST = 2.0  # times the steps nearby; what is farther apart has nothing between it
_NEARBY = 2  # steps to either side


def spread_steps(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Spread equal values evenly over the step around them.

    Images of 8 bits, and what a map makes of them, have few distinct values. Where the
    bins of a histogram are narrower than a step, some are empty and the curve is a
    comb. A map that bends makes steps of many sizes; each is compared with those
    nearby. Each value moves by half a step at most, so that the mean and the shape
    stay. Values without repeats do not move.

    Args:
        values: of one scan, shape ``(N,)``, finite.

    Examples:
        >>> spread_steps(np.array([1.0, 1.0, 2.0, 2.0, 3.0, 3.0])).tolist()
        [0.75, 1.25, 1.75, 2.25, 2.75, 3.25]
    """
    distinct, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    if distinct.size < 3:  # a constant, or two: no step is known
        return values
    steps = np.diff(distinct)
    around = sliding_window_view(np.pad(steps, _NEARBY, "edge"), 2 * _NEARBY + 1)
    steps = np.minimum(steps, _WIDEST * np.median(around, axis=-1))
    below, above = (
        np.concatenate(pair) / 2 for pair in ((steps[:1], steps), (steps, steps[-1:]))
    )
    rank = np.empty(values.size, dtype=np.int64)
    rank[np.argsort(place, kind="stable")] = np.arange(values.size)
    rank -= (np.cumsum(counts) - counts)[place]
    share = (rank + 0.5) / counts[place]
    moved: NDArray[np.floating] = (
        distinct[place] - below[place] + share * (below + above)[place]
    ).astype(values.dtype)
    return np.where(counts[place] > 1, moved, values)
