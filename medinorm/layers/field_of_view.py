"""What a network looks at: its stride and how far it sees, found by trying."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from medinorm.layers.moments import Moments
from medinorm.layers.thumbnail_instance import thumbnail_layers
from medinorm.layers.tiles import Shape

Predictor = Callable[[Tensor], Any]

LARGEST_STRIDE = 64  # voxels along an axis
LARGEST_FIELD = 64  # tiles of a stride; beyond, a network counts as not local


@torch.no_grad()
def measure_stride(network: nn.Module, predict: Predictor, volume: Tensor) -> Shape:
    """How many voxels of the input one voxel of the coarsest features spans.

    Tiles that start at multiples of it meet the same grid in every level.

    Args:
        network: holds thumbnail layers; expects `frozen_statistics` around it.
        predict: runs the network.
        volume: ``(1, C, ...)``, only for its channels, axes, dtype and device.

    Returns:
        Voxels along each axis.

    Raises:
        ValueError: no small cube passes through the network.

    Examples:
        >>> from medinorm.layers import ThumbnailInstanceNorm3d
        >>> down = nn.Conv3d(1, 1, (1, 2, 2), stride=(1, 2, 2))
        >>> network = nn.Sequential(down, nn.Upsample(scale_factor=(1, 2, 2)))
        >>> measure_stride(network, network, torch.zeros(1, 1, 8, 8, 8))
        (1, 2, 2)
    """
    with unit_statistics(network):
        side = _smallest_side(predict, volume)
        return tuple(
            _stride_along(network, predict, volume, side, axis)
            for axis in range(volume.dim() - 2)
        )


@torch.no_grad()
def measure_reach(
    network: nn.Module, predict: Predictor, volume: Tensor, stride: Shape
) -> Shape:
    """How far from a voxel the network's output depends on it, along each axis.

    A block of NaN is put into a thin volume, and what it reaches is counted.

    Args:
        network: holds thumbnail layers; expects `frozen_statistics` around it.
        predict: runs the network.
        volume: ``(1, C, ...)``, only for its channels, axes, dtype and device.
        stride: of the network.

    Returns:
        Voxels, rounded up to multiples of `stride`.

    Raises:
        ValueError: everything depends on everything, as with a norm of another kind.
    """
    with unit_statistics(network):
        return tuple(
            _reach_along(predict, volume, stride, axis) for axis in range(len(stride))
        )


@contextmanager
def unit_statistics(network: nn.Module) -> Iterator[None]:
    """Let the thumbnail layers of a network pass their input on, within the block."""
    layers = thumbnail_layers(network)
    for layer in layers:
        device = next(layer.parameters(), torch.zeros(())).device
        one = torch.ones(1, layer.num_features, dtype=torch.float32, device=device)
        layer.freeze(Moments(one[:, :1], one * 0, one))
    try:
        yield
    finally:
        for layer in layers:
            layer.thaw()


def _smallest_side(predict: Predictor, volume: Tensor) -> int:
    """Side of the smallest cube, a power of 2, that comes out as it went in."""
    side = 1
    while side <= LARGEST_STRIDE:
        cube = volume.new_zeros(1, volume.shape[1], *[side] * (volume.dim() - 2))
        try:
            y = predict(cube)
        except (RuntimeError, ValueError):  # levels that do not fit, single voxels
            y = None
        if isinstance(y, Tensor) and y.shape[2:] == cube.shape[2:]:
            return side
        side *= 2
    raise ValueError(
        "windows with surroundings need a network with one output on the input's grid, "
        f"for inputs of {LARGEST_STRIDE} voxels or less a side; set surroundings=False"
    )


def _stride_along(
    network: nn.Module, predict: Predictor, volume: Tensor, side: int, axis: int
) -> int:
    """Length of a long probe divided by that of its shortest features."""
    dims = volume.dim() - 2
    size = [side] * dims
    size[axis] = LARGEST_STRIDE
    shortest = LARGEST_STRIDE

    def look(_module: nn.Module, _inputs: Any, output: Any) -> None:
        nonlocal shortest
        if isinstance(output, Tensor) and output.dim() == dims + 2:
            shortest = min(shortest, output.shape[axis + 2])

    hooks = [module.register_forward_hook(look) for module in network.modules()]
    try:
        predict(volume.new_zeros(1, volume.shape[1], *size))
    finally:
        for hook in hooks:
            hook.remove()
    return math.ceil(LARGEST_STRIDE / shortest)


def _reach_along(predict: Predictor, volume: Tensor, stride: Shape, axis: int) -> int:
    """`measure_reach` along one axis."""
    step = stride[axis]
    around = 2
    while around <= LARGEST_FIELD:
        size = list(stride)
        size[axis] = (2 * around + 1) * step
        probe = volume.new_zeros(1, volume.shape[1], *size)
        probe.narrow(axis + 2, around * step, step).fill_(torch.nan)
        touched = predict(probe).isnan().movedim(axis + 2, 0).flatten(1).any(1)
        where: list[int] = touched.nonzero().squeeze(1).tolist() or [around * step]
        far = max(around * step - where[0], where[-1] + 1 - (around + 1) * step, 0)
        if far < around * step:
            return math.ceil(far / step) * step
        around *= 2
    raise ValueError(
        "windows with surroundings need a network whose output depends on a limited "
        "neighbourhood; other norms and attention look at the whole input: replace "
        "them, or set surroundings=False"
    )
