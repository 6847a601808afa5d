"""Spatially adaptive normalization at image level: statistics of each region."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medinorm.errors import IntensityError
from medinorm.intensity.foreground import Policy, find_masks, find_regions
from medinorm.intensity.method import PreparedScan, per_scan
from medinorm.intensity.statistics.moments import constant_error
from medinorm.intensity.voxels.arrays import (
    blocks,
    count_nonfinite,
    measure,
)
from medinorm.intensity.voxels.kinds import (
    ArrayT,
    Mask,
    Masks,
    Voxels,
    match_kind,
    require_grid,
    to_host,
)
from medinorm.intensity.voxels.sums import VoxelMoments


@dataclass(frozen=True)
class RegionMap:
    r"""A map :math:`y = (x - a_{c,r}) / b_{c,r}` of each channel and region.

    It belongs to one scan, because its region map does. The region map is not written
    to files: after reading, put it back with `dataclasses.replace`.

    Args:
        offset: :math:`a`, for each channel and region, in the unit of the input.
        scale: :math:`b`, for each channel and region, positive.
        regions: number of the region of each voxel, shape ``(C, ...)``, uint8.

    Examples:
        >>> halves = np.array([[0, 0, 1, 1]], dtype=np.uint8)
        >>> array = np.array([[1.0, 3.0, 10.0, 30.0]])
        >>> fit_regions(array, Policy("image"), regions=halves).apply(array)
        array([[-1.,  1., -1.,  1.]], dtype=float32)
    """

    kind: ClassVar[str] = "regions"

    offset: tuple[tuple[float, ...], ...]
    scale: tuple[tuple[float, ...], ...]
    regions: NDArray[np.uint8] | None = field(default=None, compare=False, repr=False)

    def apply(self, array: ArrayT, masks: Masks | None = None) -> ArrayT:
        """Map all voxels; the input is not changed.

        Args:
            array: shape ``(C, ...)`` on the grid of the region map, NumPy or torch.
            masks: not used: each voxel follows its region.

        Returns:
            The same shape, kind and device, float32.

        Raises:
            IntensityError: the region map is missing or on another grid.
        """
        del masks
        if self.regions is None:
            raise IntensityError("the region map is missing; give it with the map")
        require_grid(self.regions, array)
        values = to_host(array)
        mapped = np.empty_like(values, dtype=np.float32)
        for channel, regions, offset, scale, out in zip(
            values, self.regions, self.offset, self.scale, mapped, strict=True
        ):
            _apply_regions(channel, regions, np.array((offset, scale)), out)
        return match_kind(mapped, array)

    def inverse(self) -> "RegionMap":
        """The inverse map, with the same region map."""
        pairs = [
            list(zip(offset, scale, strict=True))
            for offset, scale in zip(self.offset, self.scale, strict=True)
        ]
        return RegionMap(
            tuple(
                tuple(-offset / scale for offset, scale in channel) for channel in pairs
            ),
            tuple(tuple(1 / scale for _, scale in channel) for channel in pairs),
            self.regions,
        )


def fit_regions(
    array: Voxels,
    policy: Policy,
    mask: Voxels | None = None,
    *,
    regions: Voxels | None = None,
    count: int = 4,
) -> RegionMap:
    r"""Mean 0 and standard deviation 1 in each region.

    .. math:: y_v = \frac{x_v - \mu_{c r}}{\sigma_{c r}}, \qquad r = r_{cv}

    with the mean and the standard deviation of the foreground of the voxel's region
    :math:`r`, for each channel :math:`c`.

    Of some regions only the mean is subtracted: those without foreground, and those
    that are constant while others are not (air that was set to 0).

    Args:
        array: shape ``(C, ...)``, NumPy or torch.
        policy: which voxels are measured, and what if all are constant.
        mask: of the foreground, for the foregrounds `label` and `file`.
        regions: number of the region of each voxel, as shape ``(C, ...)``, ``(1, ...)``
            or the grid alone; ``None``: classes of intensity of each channel.
        count: how many classes, where `regions` is ``None``.

    Raises:
        IntensityError: the region map is on another grid, a number in it is not between
            0 and 255, a channel is constant and the policy refuses that; or as
            `find_masks`.

    References:
        The layer of this name is Park et al., "Semantic Image Synthesis with
        Spatially-Adaptive Normalization", CVPR 2019, arXiv:1903.07291, where a region
        map says gain and offset. Classes of intensity: `find_regions`.
    """
    masks = find_masks(array, policy, mask)
    numbers = _region_map(array, regions, count)
    offsets, scales = [], []
    for channel, own, number in zip(array, masks, numbers, strict=True):
        inside = None if own is None else to_host(own)
        by_region = _measure_regions(to_host(channel), inside, number)
        if not any(one.m2 for one in by_region) and policy.constant == "refuse":
            raise constant_error(channel, own)
        offsets.append(tuple(one.mean for one in by_region))
        scales.append(tuple(one.std if one.m2 else 1.0 for one in by_region))
    return RegionMap(tuple(offsets), tuple(scales), numbers)


def _region_map(array: Voxels, regions: Voxels | None, count: int) -> NDArray[np.uint8]:
    """The region map of all channels."""
    if regions is None:
        classes = [
            find_regions(_without_nonfinite(channel), count) for channel in array
        ]
        return np.stack(classes)
    values = to_host(regions)
    if values.ndim < array.ndim:
        values = values[np.newaxis]
    require_grid(values if len(values) not in {1, len(array)} else values[0], array[0])
    numbered = values.min() >= 0 and values.max() <= 255  # not where one is NaN
    if not numbered or (values.dtype.kind == "f" and (values % 1).any()):
        raise IntensityError(
            "regions must be numbered from 0 to 255; a resampled region map needs "
            "nearest-neighbour interpolation"
        )
    return np.broadcast_to(values, array.shape).astype(np.uint8)


def _without_nonfinite(channel: Voxels) -> NDArray[Any]:
    """The channel for NumPy, with NaN and infinity as dark as its darkest voxel."""
    values = to_host(channel)
    if not any(count_nonfinite(values)):
        return values
    finite = np.isfinite(values)
    return np.where(finite, values, values[finite].min(initial=np.inf))


def _measure_regions(
    channel: NDArray[Any], mask: Mask | None, regions: NDArray[np.uint8]
) -> list[VoxelMoments]:
    """The moments of each region's foreground; of an empty one 1 voxel of 0."""
    by_region = []
    for number in range(int(regions.max()) + 1):
        inside = regions == number
        if mask is not None:
            inside &= mask
        by_region.append(
            measure(channel, inside) if inside.any() else VoxelMoments(1, 0.0, 0.0)
        )
    return by_region


def _apply_regions(
    channel: NDArray[Any],
    regions: NDArray[np.uint8],
    table: NDArray[np.float64],
    out: NDArray[np.float32],
) -> None:
    """Map one channel; `table` has the offset and the scale of each region."""
    offset, scale = table
    with (
        np.errstate(invalid="ignore", over="ignore"),
        blocks(
            channel, regions, out=out, dtypes=[float, np.intp, np.float32]
        ) as each_block,
    ):
        for voxels, numbers, mapped in each_block:
            above = voxels - offset.take(numbers)
            np.divide(above, scale.take(numbers), out=mapped, casting="same_kind")


@per_scan(
    "spatially_adaptive",
    "mean 0 and standard deviation 1 in each class of intensity (multi-Otsu) and "
    "outside of the foreground",
    constant_zeros=True,
    transform="RegionNormalize",
)
def map_classes(scan: PreparedScan, *, classes: int) -> RegionMap:
    """The map of `fit_regions`, by classes of the foreground's intensities.

    All that is outside of the foreground is one more region.
    """
    regions = np.zeros(scan.array.shape, dtype=np.uint8)
    for channel, mask, region in zip(scan.array, scan.masks, regions, strict=True):
        inside = np.ones(channel.shape, dtype=bool) if mask is None else mask
        region[inside] = 1 + find_regions(channel[inside], classes)
    policy = Policy("image", constant=scan.policy.constant)
    return fit_regions(scan.array, policy, regions=regions)
