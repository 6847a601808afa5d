"""What one training step costs: multiplications, seconds, memory.

Seconds come from a model and not from a clock, so that a plan can be made again. Its
constants were measured once by `benchmarks/training_plan.py`, see there.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from medinorm.choices import NetworkName
from medinorm.training_plan.cohort import Size
from medinorm.training_plan.topology import Topology

_RESIDUAL_BLOCKS = (1, 3, 4, 6)  # of each level, as in nnU-Net's residual encoder
_CLASSES = 3  # outputs that the model assumes; the true number hardly matters

# One thread of a CPU with AVX-512, in float32: forward, backward and optimizer step.
# Within 25 % of the measured time for 12 networks of 0.1 to 5.6 million weights.
_CPU_STEP = 0.01  # seconds of a step of an empty network
_CPU_MULTIPLICATIONS = 3.1e-11  # seconds for one of the forward pass
_CPU_VALUES = 2.6e-8  # seconds for one value of a feature map
_CPU_VOXELS = 8e-8  # seconds to cut and augment one voxel of a patch

# A graphics card of 80 GiB, in float32; not measured, on the safe side.
_CARD_STEP = 0.02
_CARD_SPEEDUP = 60.0  # against one thread of a CPU

_BYTES = 4  # of a value
_COPIES = 4  # of each feature map: convolution, norm, activation, gradient
_PER_PARAMETER = 16  # bytes: weight, gradient, two moments
_EMPTY = 0.4  # GiB that a training process takes with an empty network
_GIB = 2**30


@dataclass(frozen=True)
class Conv:
    """One convolution of a network.

    Args:
        inputs: channels.
        outputs: channels.
        kernel: width along each axis.
        voxels: of its grid.
    """

    inputs: int
    outputs: int
    kernel: Size
    voxels: float

    @property
    def multiplications(self) -> float:
        """Of one forward pass for one patch."""
        return math.prod(self.kernel) * self.inputs * self.outputs * self.voxels

    @property
    def parameters(self) -> int:
        """Weights."""
        return math.prod(self.kernel) * self.inputs * self.outputs


@dataclass(frozen=True)
class StepCost:
    """What one step takes.

    Args:
        seconds: on the device of the budget.
        memory: in GiB.
    """

    seconds: float
    memory: float


def estimate_step(
    network: NetworkName,
    channels: tuple[int, ...],
    topology: Topology,
    *,
    batch_size: int,
    threads: int = 1,
    card: bool = False,
) -> StepCost:
    """What one training step takes.

    Args:
        network: which network.
        channels: of each level.
        topology: patch, strides and kernels.
        batch_size: patches in a mini-batch.
        threads: of the training.
        card: whether it runs on a graphics card.
    """
    layers = list(list_layers(network, channels, topology))
    values = sum(layer.outputs * layer.voxels for layer in layers) * batch_size
    multiplied = sum(layer.multiplications for layer in layers) * batch_size
    voxels = math.prod(topology.patch) * batch_size
    computing = multiplied * _CPU_MULTIPLICATIONS + values * _CPU_VALUES
    loading = voxels * _CPU_VOXELS
    if card:
        seconds = _CARD_STEP + computing / _CARD_SPEEDUP + loading
    else:
        seconds = _CPU_STEP + computing / threads + loading
    parameters = sum(layer.parameters for layer in layers)
    held = values * _BYTES * _COPIES + parameters * _PER_PARAMETER
    return StepCost(seconds, _EMPTY + held / _GIB)


def list_layers(
    network: NetworkName, channels: tuple[int, ...], topology: Topology
) -> Iterator[Conv]:
    """The convolutions of a network: MONAI's `unet`, nnU-Net's, or two a level."""
    if network == "unet":
        yield from _strided_layers(channels, topology)
    elif network == "residual_encoder_unet":
        yield from _residual_layers(channels, topology)
    else:
        yield from _double_layers(channels, topology)


def _grids(topology: Topology) -> list[float]:
    """Voxels of each level's grid, the patch first."""
    voxels = [float(math.prod(topology.patch))]
    for stride in topology.strides:
        voxels.append(voxels[-1] / math.prod(stride))
    return voxels


def _strided_layers(channels: tuple[int, ...], topology: Topology) -> Iterator[Conv]:
    """MONAI's U-Net: one strided convolution down, one transposed up, a level."""
    grids, kernels, below = _grids(topology), topology.kernels, 1
    last = len(channels) - 1
    for level, width in enumerate(channels):
        shrunk = grids[min(level + 1, last)]
        yield Conv(below, width, kernels[level], shrunk)
        below = width
    for level in range(last):
        beside = channels[level + 1] if level == last - 1 else channels[level]
        out = channels[level - 1] if level else _CLASSES
        # Each voxel of the smaller grid is multiplied; the larger one is kept.
        yield Conv(channels[level] + beside, out, kernels[level], grids[level + 1])
        yield Conv(0, out, kernels[level], grids[level])


def _double_layers(channels: tuple[int, ...], topology: Topology) -> Iterator[Conv]:
    """The U-Net of nnU-Net: two convolutions a level, down and up."""
    grids, kernels, below = _grids(topology), topology.kernels, 1
    for level, width in enumerate(channels):
        yield Conv(below, width, kernels[level], grids[level])
        yield Conv(width, width, kernels[level], grids[level])
        below = width
    for level in range(len(channels) - 1):
        width = channels[level]
        yield Conv(
            channels[level + 1], width, topology.strides[level], grids[level + 1]
        )
        yield Conv(2 * width, width, kernels[level], grids[level])
        yield Conv(width, width, kernels[level], grids[level])
    yield Conv(channels[0], _CLASSES, (1, 1, 1), grids[0])


def _residual_layers(channels: tuple[int, ...], topology: Topology) -> Iterator[Conv]:
    """nnU-Net's residual encoder, and its way up with one convolution a level."""
    grids, kernels, below = _grids(topology), topology.kernels, channels[0]
    yield Conv(1, below, kernels[0], grids[0])
    for level, width in enumerate(channels):
        blocks = _RESIDUAL_BLOCKS[min(level, len(_RESIDUAL_BLOCKS) - 1)]
        for inputs in (below, *(width,) * (2 * blocks - 1)):
            yield Conv(inputs, width, kernels[level], grids[level])
        if below != width:
            yield Conv(below, width, (1, 1, 1), grids[level])
        below = width
    for level, width in enumerate(channels[:-1]):
        stride = topology.strides[level]
        yield Conv(channels[level + 1], width, stride, grids[level + 1])
        yield Conv(2 * width, width, kernels[level], grids[level])
    yield Conv(channels[0], _CLASSES, (1, 1, 1), grids[0])
