"""Channel statistics, gain and offset on the CPU, a cache-sized block at a time.

torch's own functions are right and fast for contiguous tensors but lose digits for
``channels_last_3d`` ones, and a chain of ordinary torch calls reads and writes main
memory once a call. Here each block passes the whole chain of steps while it is in
cache. Nothing here records gradients. Statistics have shape ``(N, C)`` and are float64,
which costs nothing and keeps the digits of a mean that is large against the standard
deviation. A *voxel view* is ``(N, C, V)`` or ``(N, V, C)``, whichever needs no copy.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from medinorm.layers import compiled

BLOCK = 1 << 19  # elements: 2 MB of float32, the cache of a core
# Each step of each block waits for all threads. On a busy machine that costs more than
# the cache gains (16 times a copy instead of 4), so with threads there are few blocks.
FEW = 32

FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}
"""By number of axes: torch's name of the layout with innermost channels."""

Index = tuple[slice, slice, slice]


def voxel_view(x: Tensor) -> tuple[Tensor, int]:
    """View `x` with one voxel axis, without a copy where its layout is a common one.

    Args:
        x: ``(N, C, ...)``, any layout.

    Returns:
        ``(N, V, C)`` and 1 if the channels are innermost, else ``(N, C, V)`` and 2.

    Examples:
        >>> x = torch.zeros(1, 4, 2, 3, 5)
        >>> voxel_view(x)[0].shape, voxel_view(x)[1]
        (torch.Size([1, 4, 30]), 2)
        >>> view, axis = voxel_view(x.to(memory_format=torch.channels_last_3d))
        >>> view.shape, axis
        (torch.Size([1, 30, 4]), 1)
    """
    if is_channels_last(x):
        return x.movedim(1, -1).flatten(1, -2), 1
    return x.contiguous().flatten(2), 2


def is_channels_last(x: Tensor) -> bool:
    """Whether the channels of `x` are innermost in memory and its voxels are not.

    Examples:
        >>> is_channels_last(torch.zeros(1, 4, 2, 2, 2))
        False
    """
    return not x.is_contiguous() and x.movedim(1, -1).is_contiguous()


def empty_like_view(x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """An empty tensor with the shape of `x` and the layout of its voxel view.

    Returns:
        The tensor and its voxel view.
    """
    order = list(range(x.dim()))
    if axis == 1:
        order.append(order.pop(1))
    out = torch.empty_permuted(x.shape, order, dtype=x.dtype, device=x.device)
    return out, out.movedim(1, -1).flatten(1, -2) if axis == 1 else out.flatten(2)


def view_along(x: Tensor, axis: int) -> Tensor:
    """Voxel view of `x` with its voxels along `axis`, copied if necessary."""
    return x.movedim(1, -1).flatten(1, -2) if axis == 1 else x.flatten(2)


def in_layout_of(y: Tensor, x: Tensor) -> Tensor:
    """`y` with its channels where `x` has them in memory, copied if necessary."""
    if not is_channels_last(x):
        return y.contiguous()
    if (form := FORMATS.get(x.dim())) is not None:
        y = y.contiguous(memory_format=form)
        if y.stride() == x.stride():  # axes of length 1 may have any
            return y
    return y.movedim(1, -1).contiguous().movedim(-1, 1)


def blocks(
    shape: torch.Size, axis: int, room: int | None = None
) -> Iterator[tuple[Index, Index]]:
    """Cut a voxel view into blocks.

    Args:
        shape: of the view.
        axis: of its voxels.
        room: most elements of a block; by default what suits the number of threads.

    Yields:
        The index of a block and that of its statistics.

    Examples:
        >>> for block, stat in blocks(torch.Size((1, 5, 1)), axis=1, room=4):
        ...     print(block[1], stat[1])
        slice(0, 4, None) slice(0, 1, None)
        slice(4, 8, None) slice(0, 1, None)
    """
    steps = [1, 1, 1]
    room = room or (BLOCK if torch.get_num_threads() == 1 else FEW * BLOCK)
    for dim in (2, 1, 0):
        steps[dim] = max(1, min(shape[dim], room))
        room //= steps[dim]
    for n in range(0, shape[0], steps[0]):
        for i in range(0, shape[1], steps[1]):
            for j in range(0, shape[2], steps[2]):
                block = (
                    slice(n, n + steps[0]),
                    slice(i, i + steps[1]),
                    slice(j, j + steps[2]),
                )
                yield block, _without(block, axis)


def _without(block: Index, axis: int) -> Index:
    """The block's index into an array that has length 1 along `axis`."""
    first, second, third = block
    return (first, slice(0, 1), third) if axis == 1 else (first, second, slice(0, 1))


def values_dtype(x: Tensor) -> torch.dtype:
    """Dtype in which the values of `x` are computed with: float32 or float64."""
    return torch.promote_types(x.dtype, torch.float32)


def split_mean(mean: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """A mean rounded to `dtype`, which is subtracted from values, and the rest.

    A mean of 1000 in float32 is off by up to 3e-5, more than all other errors together.
    """
    centre = mean.to(dtype)
    return centre, mean - centre


def measure(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and sum of squared distances from it, ``(N, C)`` each, in float64."""
    view, axis = voxel_view(x)
    if axis == 1 and compiled.takes(view):
        return compiled.measure(view)
    centre = view.mean(axis, keepdim=True, dtype=values_dtype(x))
    rest, squares = torch.zeros_like(centre), torch.zeros_like(centre)
    for block, stat in blocks(view.shape, axis):
        centred = view[block] - centre[stat]
        rest[stat] += centred.sum(axis, keepdim=True)
        squares[stat] += centred.square_().sum(axis, keepdim=True)
    centre, rest, squares = (
        term.squeeze(axis).double() for term in (centre, rest, squares)
    )
    return refine(centre, rest, squares, view.shape[axis])


def measure_weighted(x: Tensor, weight: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """As `measure`, with each voxel counted as often as its weight says.

    Args:
        x: ``(N, C, ...)``, any layout.
        weight: of each voxel, broadcasts against `x`.
        count: sum of the weights, ``(N, C)``, not 0.
    """
    view, axis = voxel_view(x)
    share = view_along(weight, axis).expand_as(view)
    centre = torch.zeros(count.shape, dtype=values_dtype(x)).unsqueeze(axis)
    rest, squares = torch.zeros_like(centre), torch.zeros_like(centre)
    for block, stat in blocks(view.shape, axis):
        centre[stat] += (view[block] * share[block]).sum(axis, keepdim=True)
    centre /= count.unsqueeze(axis)
    for block, stat in blocks(view.shape, axis):
        centred = view[block] - centre[stat]
        weighted = centred * share[block]
        rest[stat] += weighted.sum(axis, keepdim=True)
        squares[stat] += weighted.mul_(centred).sum(axis, keepdim=True)
    centre, rest, squares = (
        term.squeeze(axis).double() for term in (centre, rest, squares)
    )
    return refine(centre, rest, squares, count)


def refine(
    centre: Tensor, rest: Tensor, squares: Tensor, count: Tensor | float
) -> tuple[Tensor, Tensor]:
    """Correct a mean, and the sum of squares about it, by the error of the mean.

    Args:
        centre: approximate mean.
        rest: sum of the distances from it.
        squares: sum of the squared distances from it.
        count: number of values.
    """
    shift = rest / count
    return centre + shift, (squares - rest * shift).clamp(min=0)


def apply_affine(x: Tensor, mean: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """``(x - mean) * scale + bias`` with statistics of shape ``(N, C)``."""
    view, axis = voxel_view(x)
    dtype = values_dtype(x)
    centre, rest = split_mean(mean, dtype)
    terms = (centre, scale, bias - rest * scale)
    centre, scale, bias = (term.to(dtype).unsqueeze(axis) for term in terms)
    out, target = empty_like_view(x, axis)
    if axis == 1 and compiled.takes(view):
        centre, scale, bias = (term.squeeze(axis) for term in (centre, scale, bias))
        compiled.apply_affine(view, centre, scale, bias, target)
        return out
    same_dtype = out.dtype == dtype
    for block, stat in blocks(view.shape, axis):
        room = target[block] if same_dtype else None
        result = torch.sub(view[block], centre[stat], out=room)
        result.mul_(scale[stat]).add_(bias[stat])
        if not same_dtype:
            target[block] = result
    return out


def reduce_gradient(gradient: Tensor, x: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """Sums over the voxels of `gradient` and of `gradient` times ``x - mean``."""
    view, axis = voxel_view(x)
    dtype = values_dtype(x)
    centre, rest = split_mean(mean, dtype)
    gradients = view_along(gradient, axis)
    if axis == 1 and compiled.takes(view, gradients):
        total, moment = compiled.reduce_gradient(gradients, view, centre)
        return total, moment - rest * total
    centre = centre.unsqueeze(axis)
    total, moment = torch.zeros_like(centre), torch.zeros_like(centre)
    for block, stat in blocks(view.shape, axis):
        incoming = gradients[block].to(dtype)
        total[stat] += incoming.sum(axis, keepdim=True)
        product = (view[block] - centre[stat]).mul_(incoming)
        moment[stat] += product.sum(axis, keepdim=True)
    total = total.squeeze(axis).to(mean.dtype)
    return total, moment.squeeze(axis) - rest * total


def combine(
    gradient: Tensor, x: Tensor, mean: Tensor, factors: tuple[Tensor, Tensor, Tensor]
) -> Tensor:
    """``gradient * a + (x - mean) * b + c`` with `factors` a, b, c of ``(N, C)``."""
    view, axis = voxel_view(x)
    dtype = values_dtype(x)
    gradients = view_along(gradient, axis)
    a, b, c = factors
    centre, rest = split_mean(mean, dtype)
    terms = (centre, a, b, c - rest * b)
    centre, a, b, c = (term.to(dtype).unsqueeze(axis) for term in terms)
    out, target = empty_like_view(x, axis)
    if axis == 1 and compiled.takes(view, gradients):
        centre, a, b, c = (term.squeeze(axis) for term in (centre, a, b, c))
        compiled.combine(gradients, view, centre, (a, b, c), target)
        return out
    same_dtype = out.dtype == dtype
    for block, stat in blocks(view.shape, axis):
        room = target[block] if same_dtype else None
        result = torch.sub(view[block], centre[stat], out=room)
        result.mul_(b[stat]).add_(c[stat]).add_(gradients[block] * a[stat])
        if not same_dtype:
            target[block] = result
    return out
