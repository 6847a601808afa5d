"""The loops on torch's tensors, shared among as many threads as torch has."""

import itertools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import torch
from numpy.typing import NDArray
from torch import Tensor

T = TypeVar("T")

# A thread with less to do than this costs more than it saves: elements.
_LEAST = 1 << 17


def measure(view: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and sum of squared distances from it, ``(N, C)`` each, in float64."""
    from medinorm.layers.compiled import loops  # noqa: PLC0415  # numba is an extra

    (x,) = _arrays(view)

    def work(first: int, last: int) -> Tensor:
        sums = view.new_empty((2, view.shape[0], view.shape[2]), dtype=torch.float64)
        loops.measure(x, first, last, sums.numpy())
        return sums

    means, squares = torch.stack(_share(work, view)).unbind(1)
    lengths = [last - first for first, last in _ranges(view)]
    counts = means.new_tensor(lengths).view(-1, 1, 1)
    mean = (means * counts).sum(0) / view.shape[1]
    return mean, (squares + counts * (means - mean).square()).sum(0)


def apply_affine(
    view: Tensor, centre: Tensor, scale: Tensor, bias: Tensor, out: Tensor
) -> None:
    """Write ``(view - centre) * scale + bias`` to `out`; statistics are ``(N, C)``."""
    from medinorm.layers.compiled import loops  # noqa: PLC0415

    x, terms = _arrays(view, torch.stack((centre, scale, bias)))
    target = out.numpy()
    _share(lambda first, last: loops.apply_affine(x, terms, first, last, target), view)


def reduce_gradient(
    gradient: Tensor, view: Tensor, centre: Tensor
) -> tuple[Tensor, Tensor]:
    """Sums over voxels of `gradient` and of `gradient` times ``view - centre``."""
    from medinorm.layers.compiled import loops  # noqa: PLC0415

    incoming, x, mean = _arrays(gradient, view, centre)

    def work(first: int, last: int) -> Tensor:
        sums = view.new_empty((2, *centre.shape), dtype=torch.float64)
        loops.reduce_gradient(incoming, x, mean, first, last, sums.numpy())
        return sums

    total, moment = torch.stack(_share(work, view)).sum(0)
    return total, moment


def combine(
    gradient: Tensor,
    view: Tensor,
    centre: Tensor,
    factors: tuple[Tensor, Tensor, Tensor],
    out: Tensor,
) -> None:
    """Write ``gradient * a + (view - centre) * b + c`` to `out`."""
    from medinorm.layers.compiled import loops  # noqa: PLC0415

    incoming, x, terms = _arrays(gradient, view, torch.stack((centre, *factors)))
    target = out.numpy()
    _share(
        lambda first, last: loops.combine(incoming, x, terms, first, last, target),
        view,
    )


def _arrays(*tensors: Tensor) -> list[NDArray[Any]]:
    """Tensors as arrays that lie as the loops read them."""
    return [tensor.detach().contiguous().numpy() for tensor in tensors]


def _share(work: Callable[[int, int], T], view: Tensor) -> list[T]:
    """Do `work` for ranges of the voxels of `view`, each in a thread; the results."""
    ranges = _ranges(view)
    if len(ranges) == 1:
        return [work(*ranges[0])]
    return list(_threads(os.getpid(), len(ranges)).map(lambda one: work(*one), ranges))


def _ranges(view: Tensor) -> Sequence[tuple[int, int]]:
    """The voxels of each thread, from the first to behind the last.

    Examples:
        >>> _ranges(torch.zeros(1, 100, 2))
        [(0, 100)]
    """
    voxels = view.shape[1]
    most = min(voxels, view.numel() // _LEAST)
    count = max(1, min(torch.get_num_threads(), most))
    ends = [voxels * number // count for number in range(count + 1)]
    return list(itertools.pairwise(ends))


@cache
def _threads(_process: int, count: int) -> ThreadPoolExecutor:
    """Threads of one process: a forked one has none of its parent's."""
    return ThreadPoolExecutor(count, thread_name_prefix="medinorm")
