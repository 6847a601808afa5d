"""Start the Triton programs: the functions of `blocks`, for a CUDA device.

Statistics and terms are as in `medinorm.layers.statistics.blocks`, to which `measure`,
`apply_affine`, `reduce_gradient` and `combine` correspond one to one. Nothing here
records gradients. Tensors that are neither contiguous nor have their channels innermost
are copied once.
"""

from contextlib import AbstractContextManager
from importlib import import_module
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from medinorm.layers.kernels.tiling import Tiling, next_power_of_two
from medinorm.layers.statistics.blocks import in_layout_of, is_channels_last, split_mean

FLOAT = torch.float32


def measure(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and sum of squared distances from it, ``(N, C)`` each, in float64."""
    centre, _, _, rest, m2 = measure_terms(x, None, None, 1.0).double().unbind()
    return centre + rest, m2


def apply_affine(x: Tensor, mean: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """``(x - mean) * scale + bias`` with statistics of shape ``(N, C)``."""
    centre, rest = split_mean(mean, FLOAT)
    return apply_terms(x, stack_terms(centre, scale, bias - rest * scale), None)


def reduce_gradient(gradient: Tensor, x: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """Sums over the voxels of `gradient` and of `gradient` times ``x - mean``."""
    centre, rest = split_mean(mean, FLOAT)
    terms = stack_terms(centre, centre, centre)
    sums = reduce_gradient_chunks(x, gradient, terms, None).sum(1, dtype=mean.dtype)
    total, moment = sums.unbind()
    return total, moment - rest * total


def combine(
    gradient: Tensor, x: Tensor, mean: Tensor, factors: tuple[Tensor, Tensor, Tensor]
) -> Tensor:
    """``gradient * a + (x - mean) * b + c`` with `factors` a, b, c of ``(N, C)``."""
    a, b, c = factors
    centre, rest = split_mean(mean, FLOAT)
    terms = stack_terms(centre, a, centre)
    return combine_terms(x, gradient, terms, stack_terms(b, c - rest * b), None)


def measure_terms(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> Tensor:
    """Terms of the affine map that normalizes each row of `x`.

    Args:
        x: ``(N, C, ...)``.
        weight: gain, ``(C,)`` or ``(N, C)``.
        bias: offset, the same shape.
        eps: added to each variance.

    Returns:
        Table ``(5, N, C)`` of centre, scale, offset, rest of the mean, and m2.

    Raises:
        ValueError: `weight` or `bias` does not fit `x`.
    """
    x = in_known_layout(x)
    tiling = Tiling.of(x)
    shape = tiling.samples, tiling.channels
    parts = x.new_empty(2, tiling.chunks, *shape, dtype=FLOAT)
    terms = x.new_empty(5, *shape, dtype=FLOAT)
    weight, per_weight = _by_sample(weight, shape)
    bias, per_bias = _by_sample(bias, shape)
    _start_chunks("measure_chunks", tiling, (x, parts))
    numbers = tiling.voxels, tiling.chunk_voxels, tiling.chunks, *tiling.strides[:2]
    _start_rows(
        "merge_moments",
        tiling,
        (x, parts, weight, bias, terms),
        (per_weight, per_bias, *numbers, eps),
    )
    return terms


def apply_terms(x: Tensor, terms: Tensor, slope: float | None) -> Tensor:
    """Apply the affine map, then multiply negative values by `slope`, if there is one.

    Returns:
        A tensor with the shape, dtype and layout of `x`.
    """
    x = in_known_layout(x)
    y = torch.empty_like(x)
    _start_chunks("apply_terms", Tiling.of(x), (x, y, terms), **_activation(slope))
    return y


def reduce_gradient_chunks(
    x: Tensor, gradient: Tensor, terms: Tensor, slope: float | None
) -> Tensor:
    """``(2, chunks, N, C)``: sums of `gradient`, and of it times ``x - centre``."""
    x = in_known_layout(x)
    gradient = in_layout_of(gradient, x)
    tiling = Tiling.of(x)
    size = 2, tiling.chunks, tiling.samples, tiling.channels
    parts = x.new_empty(size, dtype=FLOAT)
    tensors = x, gradient, terms, parts
    _start_chunks("reduce_gradient_chunks", tiling, tensors, **_activation(slope))
    return parts


def merge_gradients(x: Tensor, parts: Tensor, terms: Tensor, eps: float) -> Tensor:
    """Factors of the gradient of `x`, and the gradients of each row's affine map.

    Returns:
        Table ``(4, N, C)``: the two factors that `combine_terms` takes, gradient of
        the bias, gradient of the weight.
    """
    tiling = Tiling.of(in_known_layout(x))
    factors = torch.empty_like(terms[:4])
    numbers = tiling.voxels, tiling.chunks, eps
    _start_rows("merge_gradients", tiling, (parts, terms, factors), numbers)
    return factors


def combine_terms(
    x: Tensor, gradient: Tensor, terms: Tensor, factors: Tensor, slope: float | None
) -> Tensor:
    """Gradient of `x`, with its dtype and layout."""
    x = in_known_layout(x)
    gradient = in_layout_of(gradient, x)
    of_x = torch.empty_like(x)
    tensors = x, gradient, terms, factors, of_x
    _start_chunks("combine_terms", Tiling.of(x), tensors, **_activation(slope))
    return of_x


def in_known_layout(x: Tensor) -> Tensor:
    """`x` as it is if it is contiguous or has its channels innermost, else a copy."""
    return x if is_channels_last(x) else x.contiguous()


def stack_terms(*terms: Tensor) -> Tensor:
    """Terms of shape ``(N, C)`` as a float32 table."""
    return torch.stack([term.to(FLOAT) for term in terms])


def _by_sample(
    values: Tensor | None, shape: tuple[int, int]
) -> tuple[Tensor | None, int]:
    """Gains or offsets without gaps in memory, and the stride between samples.

    Raises:
        ValueError: there is not one for each channel: a program would read beyond them.
    """
    if values is None:
        return None, 0
    if values.shape not in (shape, shape[1:]):
        raise ValueError(
            f"expected weight and bias of shape {shape[1:]} or {shape}, got "
            f"{tuple(values.shape)}"
        )
    return values.contiguous(), shape[1] if values.dim() == 2 else 0


def _activation(slope: float | None) -> dict[str, Any]:
    """Arguments of a program for what is done with negative values."""
    return {"slope": slope or 0.0, "activated": slope is not None}


def _start_chunks(
    name: str, tiling: Tiling, tensors: tuple[Tensor, ...], **activation: Any
) -> None:
    """Start a program that goes through all voxels."""
    tile_v, tile_c = tiling.tile
    sizes = tiling.channels, tiling.voxels, tiling.steps
    constants = {"tile_v": tile_v, "tile_c": tile_c, **activation}
    with _device_of(tensors[0]):
        program = getattr(_programs(), name)[tiling.grid]
        program(*tensors, *sizes, *tiling.strides, **constants)


def _start_rows(
    name: str,
    tiling: Tiling,
    tensors: tuple[Tensor | None, ...],
    numbers: tuple[float, ...],
) -> None:
    """Start a program that merges the results of the chunks of each row."""
    tile = next_power_of_two(tiling.chunks)
    with _device_of(tensors[0]):
        getattr(_programs(), name)[tiling.rows](*tensors, *numbers, tile=tile)


def _device_of(x: Tensor | None) -> AbstractContextManager[None]:
    """Make the GPU of a tensor the current one: Triton starts programs there."""
    place: AbstractContextManager[None] = torch.cuda.device_of(x)  # type: ignore[no-untyped-call]
    return place


def _programs() -> ModuleType:
    """The programs, which need Triton to be imported."""
    return import_module("medinorm.layers.kernels.programs")
