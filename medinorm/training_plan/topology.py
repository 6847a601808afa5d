"""How often each axis is pooled, and how wide convolutions are along it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from medinorm.training_plan.cohort import Size, Spacing

SMALLEST = 4  # voxels of a patch along an axis at the deepest level
DEEPEST = 6  # levels at most
_NEAR = 2.0  # axes whose spacing differs by less are pooled together


@dataclass(frozen=True)
class Topology:
    """The levels of a network.

    Args:
        patch: in voxels, divisible by the product of the strides.
        strides: by how much each level but the last shrinks the grid.
        kernels: width of the convolutions of each level.
    """

    patch: Size
    strides: tuple[Size, ...]
    kernels: tuple[Size, ...]

    @property
    def levels(self) -> int:
        """Number of levels."""
        return len(self.kernels)


def plan_topology(
    extent: Size, spacing: Spacing, levels: int | None, *, least: int = 2
) -> Topology:
    """The levels for a patch that is at most as large as `extent`.

    An axis is halved as long as 4 voxels stay and its spacing is less than twice the
    finest of the axes that can still be halved: a thin stack is first pooled within its
    slices. Convolutions see one voxel along an axis that is that much coarser, three
    along the others. The patch is `extent`, rounded down to what the strides divide.

    Args:
        extent: largest patch, in voxels along R, A and S.
        spacing: in mm.
        levels: how many there must be; as many as there can be if not given.
        least: the fewest there must be.

    Examples:
        >>> plan_topology((64, 64, 12), (1, 1, 5), None).strides
        ((2, 2, 1), (2, 2, 1), (2, 2, 2), (2, 2, 1))
    """
    size, now = list(extent), list(spacing)
    strides: list[Size] = []
    while len(strides) + 1 < (levels or DEEPEST):
        able = [axis for axis in range(3) if size[axis] // 2 >= SMALLEST]
        if not able and levels is None and len(strides) + 1 >= least:
            break
        finest = min((now[axis] for axis in able), default=0.0)
        x, y, z = (
            2 if axis in able and now[axis] < _NEAR * finest else 1 for axis in range(3)
        )
        strides.append((x, y, z))
        size = [n // stride for n, stride in zip(size, strides[-1], strict=True)]
        now = [n * stride for n, stride in zip(now, strides[-1], strict=True)]
    return explicit_topology(extent, strides, (), spacing)


def uniform_topology(extent: Size, levels: int | None) -> Topology:
    """The levels of a network that halves all axes at each level.

    Examples:
        >>> uniform_topology((40, 40, 20), None).strides
        ((2, 2, 2), (2, 2, 2))
    """
    halvings = (min(extent) // SMALLEST).bit_length() - 1
    deepest = levels or max(2, min(DEEPEST, halvings + 1))
    strides = ((2, 2, 2),) * (deepest - 1)
    kernels = ((3, 3, 3),) * deepest
    return Topology(_divisible(extent, strides), strides, kernels)


def explicit_topology(
    patch: Size, strides: Sequence[Size], kernels: Sequence[Size], spacing: Spacing
) -> Topology:
    """The levels that a study asks for; kernels follow from the strides if absent."""
    if not kernels:
        now, made = list(spacing), [_kernel(spacing)]
        for each in strides:
            now = [n * stride for n, stride in zip(now, each, strict=True)]
            # An axis that was wide once stays so: there are neighbours to see.
            x, y, z = map(max, zip(made[-1], _kernel(now), strict=True))
            made.append((x, y, z))
        kernels = made
    return Topology(_divisible(patch, strides), tuple(strides), tuple(kernels))


def shrinks_by(strides: Sequence[Size]) -> Size:
    """By how much all levels together shrink the grid.

    Examples:
        >>> shrinks_by([(2, 2, 1), (2, 2, 2)])
        (4, 4, 2)
    """
    x, y, z = (math.prod(each[axis] for each in strides) for axis in range(3))
    return x, y, z


def _divisible(extent: Size, strides: Sequence[Size]) -> Size:
    """The largest patch inside `extent` that the strides divide."""
    x, y, z = (
        max(by, size // by * by)
        for size, by in zip(extent, shrinks_by(strides), strict=True)
    )
    return x, y, z


def _kernel(spacing: Sequence[float]) -> Size:
    """Width of convolutions at one level."""
    finest = min(spacing)
    x, y, z = (3 if each < _NEAR * finest else 1 for each in spacing)
    return x, y, z
