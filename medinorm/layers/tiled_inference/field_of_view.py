"""The stride and the field of view of a network, measured by trials."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from medinorm.layers.norms.thumbnail_instance import (
    ThumbnailInstanceNorm3d,
    observed,
    thumbnail_layers,
    uncompiled,
)
from medinorm.layers.statistics.moments import Moments
from medinorm.layers.tiled_inference.tiles import Shape, fits

Predictor = Callable[[Tensor], Any]
Steps = Mapping[nn.Module, Shape]
"""Voxels of the input that one voxel of a module's output spans, along each axis."""

LARGEST_STRIDE = 64  # voxels along an axis
LARGEST_FIELD = 64  # in strides; a network with a larger field is not local


@torch.no_grad()
def measure_steps(network: nn.Module, predict: Predictor, volume: Tensor) -> Steps:
    """How many voxels of the input one voxel of each module's output spans.

    Args:
        network: holds thumbnail layers; expects `frozen_statistics` around it.
        predict: runs the network.
        volume: ``(1, C, ...)``, only for its channels, axes, dtype and device.

    Raises:
        ValueError: the volume is not floating-point, or no small cube passes through
            the network.
    """
    if not volume.is_floating_point():
        raise ValueError(
            f"the volume is {volume.dtype}: convert it to the dtype of the network"
        )
    with probing(network):
        side = _smallest_side(network, predict, volume)
        axes = [
            _steps_along(network, predict, volume, side, axis)
            for axis in range(volume.dim() - 2)
        ]
    return {module: tuple(steps[module] for steps in axes) for module in axes[0]}


def coarsest(steps: Steps) -> Shape:
    """The stride of a network: tiles at multiples of it meet the grid of each level.

    Examples:
        >>> down = nn.Conv3d(1, 1, (1, 2, 2), stride=(1, 2, 2))
        >>> network = nn.Sequential(down, nn.Upsample(scale_factor=(1, 2, 2)))
        >>> coarsest(measure_steps(network, network, torch.zeros(1, 1, 8, 8, 8)))
        (1, 2, 2)
    """
    return tuple(max(axis) for axis in zip(*steps.values(), strict=True))


@torch.no_grad()
def measure_reach(
    network: nn.Module, predict: Predictor, volume: Tensor, stride: Shape
) -> Shape:
    """How far from a voxel the network's output depends on it, along each axis.

    A block of NaN is put into a thin volume, and voxels that become NaN are counted.

    Args:
        network: holds thumbnail layers; expects `frozen_statistics` around it.
        predict: runs the network.
        volume: ``(1, C, ...)``, only for its channels, axes, dtype and device.
        stride: of the network.

    Returns:
        Voxels, rounded up to multiples of `stride`.

    Raises:
        ValueError: all output depends on the whole input, as with other norms; or the
            NaN does not reach the output, as with labels.
    """
    with probing(network):
        return tuple(
            _reach_along(predict, volume, stride, axis) for axis in range(len(stride))
        )


@torch.no_grad()
def takes_size(
    network: nn.Module, predict: Predictor, volume: Tensor, steps: Steps
) -> bool:
    """Whether the network takes a volume of this size, multiple of its stride or not.

    Tried with a small volume that has the same remainders after division by the stride.

    Args:
        network: holds thumbnail layers; expects `frozen_statistics` around it.
        predict: runs the network.
        volume: ``(1, C, ...)``.
        steps: of the network.
    """
    stride, sizes = coarsest(steps), tuple(volume.shape[2:])
    if all(size % step == 0 for size, step in zip(sizes, stride, strict=True)):
        return True
    with probing(network):
        side = _smallest_side(network, predict, volume)
        shape = [
            min(size, math.ceil(side / step) * step + size % step)
            for size, step in zip(sizes, stride, strict=True)
        ]
        probe = volume.new_zeros(1, volume.shape[1], *shape)
        fitting = True

        def look(layer: ThumbnailInstanceNorm3d, x: Tensor) -> None:
            nonlocal fitting
            axes = zip(shape, x.shape[2:], steps[layer], strict=True)
            fitting = fitting and all(fits(*axis) for axis in axes)

        with observed(network, look):
            y, _ = _try(predict, probe)
    return fitting and isinstance(y, Tensor) and y.shape[2:] == probe.shape[2:]


@contextmanager
def probing(network: nn.Module) -> Iterator[None]:
    """Let probes pass through a network and leave it unchanged.

    Within the block thumbnail layers pass their input on; after it, buffers (running
    statistics, if the network is in training mode) and random states are what they
    were.
    """
    kept = [
        (module, name, buffer)
        for module in network.modules()
        for name, buffer in module.named_buffers(recurse=False, remove_duplicate=False)
    ]
    cuda = {weight.device for weight in network.parameters() if weight.is_cuda}
    try:
        for module, name, buffer in kept:
            setattr(module, name, buffer.clone())
        with torch.random.fork_rng(cuda), uncompiled(), unit_statistics(network):
            yield
    finally:
        for module, name, buffer in kept:
            setattr(module, name, buffer)


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


def _try(predict: Predictor, probe: Tensor) -> tuple[Any, Exception | None]:
    """The output, or the error: levels do not fit, or a level has a single voxel."""
    try:
        return predict(probe), None
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError) as error:
        return None, error


def _smallest_side(network: nn.Module, predict: Predictor, volume: Tensor) -> int:
    """Side of the smallest cube, a power of 2, whose output has the same size."""
    side, error = 1, None
    while side <= LARGEST_STRIDE:
        cube = volume.new_zeros(1, volume.shape[1], *[side] * (volume.dim() - 2))
        y, error = _try(predict, cube)
        if isinstance(y, Tensor) and y.shape[2:] == cube.shape[2:]:
            return side
        side *= 2
    message = (
        "windows with surroundings need a network with one output on the input's grid, "
        f"for inputs of {LARGEST_STRIDE} voxels or less a side; set surroundings=False"
    )
    if error is None:
        raise ValueError(message)
    weights = [w.dtype for w in network.parameters() if w.is_floating_point()]
    if weights and volume.dtype not in weights:
        message = f"the volume is {volume.dtype}, the network {weights[0]}: convert one"
    raise ValueError(f"{message}. The network said: {error}") from error


def _steps_along(
    network: nn.Module, predict: Predictor, volume: Tensor, side: int, axis: int
) -> dict[nn.Module, int]:
    """Length of a long probe divided by that of each module's shortest features."""
    dims = volume.dim() - 2
    size = [side] * dims
    size[axis] = LARGEST_STRIDE
    sizes: dict[nn.Module, int] = {}

    def look(module: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.dim() == dims + 2:
            shortest = sizes.get(module, LARGEST_STRIDE)
            sizes[module] = min(shortest, output.shape[axis + 2])

    hooks = [module.register_forward_hook(look) for module in network.modules()]
    try:
        predict(volume.new_zeros(1, volume.shape[1], *size))
    finally:
        for hook in hooks:
            hook.remove()
    return {module: math.ceil(LARGEST_STRIDE / size) for module, size in sizes.items()}


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
        where: list[int] = touched.nonzero().squeeze(1).tolist()
        if not where:
            raise ValueError(
                "windows with surroundings need a network that returns floating-point "
                "values in which a NaN of its input appears again: let it return "
                "logits and take their argmax later, or set surroundings=False"
            )
        far = max(around * step - where[0], where[-1] + 1 - (around + 1) * step, 0)
        if far < around * step:
            return math.ceil(far / step) * step
        around *= 2
    raise ValueError(
        "windows with surroundings need a network whose output depends on a limited "
        "neighbourhood; other norms (batch norm in training mode) and attention look "
        "at the whole input: replace them, or set surroundings=False"
    )
