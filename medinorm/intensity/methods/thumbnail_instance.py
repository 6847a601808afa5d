"""Volumes larger than memory: measured on a part or in slabs, mapped slab by slab.

The counterpart of the layer `thumbnail_instance`: all slabs are mapped by the moments
of the whole volume, so that no voxel depends on where the slabs were cut.
"""

import mmap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from medinorm.choices import SourceName
from medinorm.errors import IntensityError
from medinorm.intensity.foreground import (
    FOREGROUNDS,
    NEEDS_MASK,
    Policy,
    empty_error,
    otsu_threshold,
)
from medinorm.intensity.maps.intensity_map import IntensityMap
from medinorm.intensity.maps.linear import LinearMap, standardize
from medinorm.intensity.method import PreparedScan, per_scan
from medinorm.intensity.statistics.moments import ForegroundMoments
from medinorm.intensity.voxels.arrays import (
    count_nonfinite,
    measure_any,
)
from medinorm.intensity.voxels.kinds import (
    Shaped,
    as_mask,
    require_grid,
)
from medinorm.intensity.voxels.sums import VoxelMoments, merge, refuse_nonfinite

Index = tuple[slice, ...]


class StoredVolume(Shaped, Protocol):
    """A volume that is read in parts: `numpy.ndarray`, `numpy.memmap`, HDF5."""

    @property
    def ndim(self) -> int:
        """How many axes it has."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Index, /) -> Any: ...  # an array, or what becomes one


MaskRule = Callable[[Index, NDArray[Any]], list[Any]]

_SLAB = 1 << 22  # voxels read at a time: 16 MiB as float32


def fit_thumbnail(  # noqa: PLR0913  (keywords)
    volume: StoredVolume,
    policy: Policy,
    mask: StoredVolume | None = None,
    *,
    source: SourceName = "thumbnail",
    size: int = 128,
    tiles: int = 8,
    seed: int = 0,
) -> LinearMap:
    r"""The z-score of each channel of a volume that need not fit into memory.

    .. math::
        y = \frac{x - \mu_c}{\sigma_c}, \qquad
        \mu_c = \frac1{|S|} \sum_{v \in S} x_{cv}, \quad
        \sigma^2_c = \frac1{|S|} \sum_{v \in S} (x_{cv} - \mu_c)^2

    with those voxels :math:`S` of the foreground that are in the thumbnail, in the
    tiles, or in the whole volume.

    A thumbnail takes every n-th voxel as it is: averaging neighbours would remove the
    variance of the noise (for noise with a standard deviation of 1 the error would be
    1.26 instead of 0.045).

    Args:
        volume: shape ``(C, X, Y, Z)``, sliced as a NumPy array: `numpy.memmap`, HDF5.
        policy: which voxels are measured, and what if they are constant. The threshold
            of ``otsu`` is that of the thumbnail.
        mask: the mask for ``label`` and ``file``, of the shape of `volume`.
        source: every n-th voxel (``thumbnail``), random cubes (``tiles``) or all voxels
            (``exact``).
        size: voxels along the edge of a thumbnail or tile, at most.
        tiles: number of cubes.
        seed: of their places.

    Raises:
        IntensityError: nothing is in the foreground, it is constant or not finite and
            the policy refuses that, or it needs the whole volume (`largest`).

    References:
        The layer of this name is Chen et al., "Towards Ultra-Resolution Neural Style
        Transfer via Thumbnail Instance Normalization", AAAI 2022, arXiv:2103.11784.
    """
    for name, number in {"size": size, "tiles": tiles}.items():
        if not (isinstance(number, Integral) and number > 0):
            raise IntensityError(f"{name} must be a whole number above 0, not {number}")
    find = _mask_rule(volume, policy, mask, size)
    parts: Callable[[], Iterator[Index]] = {
        "thumbnail": lambda: _thumbnail(volume, size),
        "tiles": lambda: _tiles(volume, size, tiles, seed),
        "exact": lambda: _slabs(volume),
    }[source]
    by_channel = _measure_parts(volume, parts(), find, policy)
    if policy.constant == "zeros" and mask is None:
        by_channel = _measure_constant(volume, parts(), by_channel, policy)
    if not all(moments.count for moments in by_channel):
        raise empty_error(policy.foreground)
    moments = ForegroundMoments.of(by_channel)
    if policy.constant == "refuse" and not all(moments.m2):
        raise IntensityError(
            "all foreground voxels of a channel are the same; check the scan, or "
            "choose another foreground"
        )
    return standardize(moments).following(policy)


def apply_slabs(
    intensity_map: IntensityMap,
    volume: StoredVolume,
    out: NDArray[np.float32],
    policy: Policy | None = None,
    mask: StoredVolume | None = None,
) -> None:
    """Map a volume into another array, slab by slab.

    Args:
        intensity_map: a map whose result at a voxel depends on that voxel only.
        volume: shape ``(C, X, Y, Z)``, as in `fit_thumbnail`.
        out: of the same shape, to write to: a `numpy.memmap` of float32.
        policy: where the foreground is, for maps that set the background.
        mask: the mask for ``label`` and ``file``, of the shape of `volume`.

    Raises:
        IntensityError: shapes differ, or the map needs the foreground and there is no
            policy.
    """
    require_grid(out, volume)
    find = _mask_rule(volume, policy, mask) if policy else None
    for index in _slabs(volume):
        slab = np.asarray(volume[index])
        masks = find(index, slab) if find else None
        out[index] = intensity_map.apply(slab, masks)
        del slab
        _release(volume, out, mask)


def _measure_parts(
    volume: StoredVolume, parts: Iterator[Index], find: MaskRule, policy: Policy
) -> list[VoxelMoments]:
    """The moments of each channel's foreground in parts of a volume."""
    by_channel: list[list[VoxelMoments]] = [[] for _ in range(len(volume))]
    nan, infinite = 0, 0
    for index in parts:
        voxels = np.array(volume[index])
        masks = find(index, voxels)
        for channel, mask, measured in zip(voxels, masks, by_channel, strict=True):
            counts = count_nonfinite(channel)
            nan, infinite = nan + counts[0], infinite + counts[1]
            inside = mask
            if policy.nonfinite == "ignore" and any(counts):
                finite = np.isfinite(channel)
                inside = finite if mask is None else mask & finite
            measured.append(measure_any(channel, inside))
        _release(volume)
    if policy.nonfinite == "refuse":
        refuse_nonfinite(nan, infinite)
    return [merge(measured) for measured in by_channel]


def _measure_constant(
    volume: StoredVolume,
    parts: Iterator[Index],
    by_channel: Sequence[VoxelMoments],
    policy: Policy,
) -> list[VoxelMoments]:
    """The same moments; for a constant channel without foreground, of all voxels."""
    if all(moments.count for moments in by_channel):
        return [*by_channel]
    all_voxels = _mask_rule(volume, replace(policy, foreground="image"), None)
    whole = _measure_parts(volume, parts, all_voxels, policy)
    return [
        every if every.count and not every.m2 and not moments.count else moments
        for moments, every in zip(by_channel, whole, strict=True)
    ]


def _mask_rule(
    volume: StoredVolume, policy: Policy, mask: StoredVolume | None, size: int = 128
) -> MaskRule:
    """How to find the foreground of a part of the volume."""
    if policy.largest:
        raise IntensityError(
            "the largest component needs the whole volume; make a mask of it first "
            "(foreground: file)"
        )
    if (mask is not None) != (policy.foreground in NEEDS_MASK):
        need = "needs a" if mask is None else "takes no"
        raise IntensityError(f"foreground {policy.foreground!r} {need} mask")
    if mask is not None:
        require_grid(mask, volume)
        return lambda index, _voxels: list(as_mask(np.asarray(mask[index])))
    if policy.foreground == "image":
        return lambda _index, voxels: [None] * len(voxels)
    if policy.foreground == "otsu":
        thresholds = _otsu_thresholds(volume, size)
        return lambda _index, voxels: [
            channel > threshold
            for channel, threshold in zip(voxels, thresholds, strict=True)
        ]
    rule = FOREGROUNDS[policy.foreground]
    return lambda _index, voxels: [rule(channel) for channel in voxels]


def _otsu_thresholds(volume: StoredVolume, size: int) -> list[float]:
    """The threshold of each channel, from its thumbnail's finite voxels."""
    planes: list[list[NDArray[Any]]] = [[] for _ in range(len(volume))]
    for index in _thumbnail(volume, size):
        for channel, values in zip(np.array(volume[index]), planes, strict=True):
            values.append(channel[np.isfinite(channel)])
        _release(volume)
    return [otsu_threshold(np.concatenate(values)) for values in planes]


def _thumbnail(volume: StoredVolume, size: int) -> Iterator[Index]:
    """Every n-th voxel along each axis, plane by plane."""
    axis = _outer_axis(volume)
    steps = [max(1, -(-length // size)) for length in volume.shape[1:]]
    index = [slice(None), *(slice(step // 2, None, step) for step in steps)]
    step = steps[axis - 1]
    for place in range(step // 2, volume.shape[axis], step):
        index[axis] = slice(place, place + 1)
        yield tuple(index)


def _tiles(volume: StoredVolume, size: int, count: int, seed: int) -> Iterator[Index]:
    """Cubes at random places."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        corner = [int(rng.integers(max(1, n - size + 1))) for n in volume.shape[1:]]
        yield (slice(None), *(slice(start, start + size) for start in corner))


def _slabs(volume: StoredVolume) -> Iterator[Index]:
    """The whole volume in slabs that are contiguous on disk."""
    axis = _outer_axis(volume)
    plane = int(np.prod(volume.shape)) // max(1, volume.shape[axis])
    thick = max(1, int(_SLAB // max(1, plane)))
    index = [slice(None)] * len(volume.shape)
    for start in range(0, volume.shape[axis], thick):
        index[axis] = slice(start, start + thick)
        yield tuple(index)


def _outer_axis(volume: StoredVolume) -> int:
    """The spatial axis along which neighbours are farthest from each other on disk."""
    strides: Sequence[int] = getattr(volume, "strides", None) or (0,) * volume.ndim
    return 1 + int(np.argmax(np.abs(strides[1:])))


def _release(*arrays: object) -> None:
    """Free the memory of memory-mapped pages; the voxels stay in the file.

    Copy-on-write maps are left as they are: they may hold changes that no file has.
    """
    for array in arrays:
        if isinstance(array, np.memmap) and array.mode != "c":
            base: object = array
            while isinstance(base, np.ndarray):
                base = base.base
            if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
                base.madvise(mmap.MADV_DONTNEED)


@per_scan(
    "thumbnail_instance",
    "mean 0 and standard deviation 1, measured on a part of each scan",
    constant_zeros=True,
    transform="ThumbnailNormalize",
)
def map_thumbnail(
    scan: PreparedScan, *, source: SourceName, size: int, tiles: int, seed: int
) -> LinearMap:
    """The z-score of `fit_thumbnail` for a scan."""
    return fit_thumbnail(
        scan.array,
        scan.policy,
        scan.mask,
        source=source,
        size=size,
        tiles=tiles,
        seed=seed,
    )
