"""One scan as the intensity methods get it: on the study's grid, with foreground."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medinorm.choices import ConstantName, NonfiniteName
from medinorm.config import HarmonizeConfig
from medinorm.damage import require_unchanged
from medinorm.errors import GeometryError, IntensityError, LabelError, ReadError
from medinorm.files.nifti import Volume, read_volume
from medinorm.harmonize.spatial import (
    Spacing,
    orient_to_ras,
    resample_image,
    resample_labels,
)
from medinorm.intensity import Policy, find_masks
from medinorm.intensity.bias_field import BiasSettings, fit_bias_field
from medinorm.intensity.voxels.kinds import as_mask, to_host
from medinorm.records.labels import read_ignored_value
from medinorm.records.scans import Scan

_WIDEST = 5000.0  # mm
_SAME_GRID = 0.1  # of a voxel: tools round the affines that they write


@dataclass(frozen=True)
class Sample:
    """A scan on the study's grid, intensities not yet mapped.

    Args:
        volume: its image.
        channels: their names.
        masks: foreground of each channel; ``None`` stands for all voxels.
        constant: what happens to a constant foreground.
        facts: what was measured while reading, for the sidecar.
    """

    volume: Volume
    channels: tuple[str, ...]
    masks: tuple[NDArray[np.bool_] | None, ...]
    constant: ConstantName
    facts: Mapping[str, Any]

    @property
    def array(self) -> NDArray[np.float32]:
        """The intensities, shape ``(C, X, Y, Z)``."""
        return self.volume.array

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """The masks as one array; ``None``: all voxels."""
        if all(mask is None for mask in self.masks):
            return None
        whole = np.ones(self.volume.grid, dtype=bool)
        return np.stack([whole if mask is None else mask for mask in self.masks])

    @property
    def policy(self) -> Policy:
        """How to measure, with `mask`."""
        return Policy("image" if self.mask is None else "file", constant=self.constant)


def read_sample(scan: Scan, settings: HarmonizeConfig, *, masked: bool) -> Sample:
    """Read a scan, bring it to the study's grid, correct shading, find the foreground.

    Args:
        scan: the scan.
        settings: grid, bias field, foreground.
        masked: whether the foreground is needed.

    Raises:
        DamagedError: the image is not what ingest wrote.
        ScanError: the image or its mask cannot be read, does not fit or is unusable.
    """
    source = read_volume(require_unchanged(scan.image))
    _require_possible(source)
    array, nonfinite = settle_nonfinite(source.array, settings.nonfinite)
    oriented = orient_to_ras(source.with_array(array))
    # Its grid is enough from here on; a view would keep the voxels.
    source = source.with_array(np.empty((0, *source.grid), array.dtype))
    del array
    volume = resample_image(oriented, settings.spacing)
    del oriented
    facts: dict[str, Any] = {"nonfinite": nonfinite}
    if not masked:
        return Sample(
            volume, scan.channels, (None,) * len(volume.array), settings.constant, facts
        )
    policy = Policy(
        settings.foreground, settings.largest_component, constant=settings.constant
    )
    mask = _read_mask(scan, source, settings)
    if settings.bias_field == "n4":
        volume, facts["bias_field"] = _correct_shading(volume, policy, mask, settings)
    masks = tuple(
        None if one is None else to_host(one)
        for one in find_masks(volume.array, policy, mask)
    )
    facts["foreground"] = [
        volume.array[0].size if one is None else int(one.sum()) for one in masks
    ]
    return Sample(volume, scan.channels, masks, settings.constant, facts)


def _require_possible(volume: Volume) -> None:
    """Refuse a scan so wide that its grid would fill the memory.

    Raises:
        GeometryError: no scanner has such a field of view.
    """
    sizes = zip(volume.grid, volume.spacing, strict=True)
    widest = max(number * spacing for number, spacing in sizes)
    if widest > _WIDEST:
        raise GeometryError(
            f"it would be {widest / 1000:.0f} m wide; its voxel spacing is wrong, "
            "correct it in the header"
        )


def settle_nonfinite(
    array: NDArray[Any], policy: NonfiniteName
) -> tuple[NDArray[Any], int]:
    """Refuse NaN and infinity, or make them as dark as the darkest voxel.

    This comes before resampling, which would carry them to other voxels.

    Args:
        array: shape ``(C, X, Y, Z)``.
        policy: whether they are refused.

    Returns:
        The array, a new one if anything was replaced, and how many voxels were.

    Raises:
        IntensityError: there are some and they are refused, or a channel has no finite
            voxel.
    """
    if array.dtype.kind in "biu":
        return array, 0
    finite = np.isfinite(array)
    count = int(array.size - np.count_nonzero(finite))
    if not count:
        return array, 0
    if policy == "refuse":
        raise IntensityError(
            f"{count} of {array.size} voxels are not finite; repair the scan, or set "
            "harmonize.nonfinite to ignore"
        )
    if not all(channel.any() for channel in finite):
        raise IntensityError("no voxel of a channel is finite; repair the scan")
    darkest = np.array(
        [c[inside].min() for c, inside in zip(array, finite, strict=True)]
    )
    return np.where(finite, array, darkest.reshape(-1, 1, 1, 1)), count


def read_labels(path: Path) -> Volume:
    """Read a label map.

    Raises:
        ReadError: the file cannot be read.
        LabelError: it holds several volumes.
    """
    volume = read_volume(path)
    if len(volume.array) != 1:
        raise LabelError(
            f"label map: has {len(volume.array)} volumes; write one with a value for "
            "each label"
        )
    return volume


def mask_path(folder: Path, scan: Scan) -> Path:
    """The mask of a scan in a folder of masks.

    Examples:
        >>> scan = Scan("sub-1_T1w", "1", "", Path("sub-1/sub-1_T1w.nii.gz"), None, ())
        >>> mask_path(Path("masks"), scan).name
        'sub-1_T1w.nii.gz'
    """
    return folder / f"{scan.scan}.nii.gz"


def _read_mask(
    scan: Scan, image: Volume, settings: HarmonizeConfig
) -> NDArray[np.bool_] | None:
    """The scan's own mask on the study's grid, shape ``(1, X, Y, Z)``, if one is used.

    Raises:
        ScanError: it is missing, unreadable or on another grid than the image.
    """
    if settings.foreground == "label":
        if scan.label is None:
            raise LabelError("there is no label map to take the foreground from")
        mask = _known_labels(scan.label)
    elif settings.masks is not None:
        try:
            mask = read_volume(mask_path(settings.masks, scan))
        except ReadError as error:
            raise ReadError(f"its mask for foreground: file: {error}") from None
    else:
        return None
    if not image.same_grid(mask, _SAME_GRID):
        raise GeometryError("its mask is on another grid; resample it to the image's")
    return _to_grid(mask, settings.spacing)


def _known_labels(path: Path) -> Volume:
    """A label map in which ignored voxels are background."""
    labels, ignored = read_labels(path), read_ignored_value(path)
    if ignored is None:
        return labels
    return labels.with_array(np.where(labels.array == ignored, 0, labels.array))


def _to_grid(mask: Volume, spacing: Spacing) -> NDArray[np.bool_]:
    """A mask on the study's grid."""
    binary = mask.with_array(as_mask(mask.array[:1]).astype(np.uint8))
    return np.asarray(resample_labels(orient_to_ras(binary), spacing).array != 0)


def _correct_shading(
    volume: Volume,
    policy: Policy,
    mask: NDArray[np.bool_] | None,
    settings: HarmonizeConfig,
) -> tuple[Volume, list[dict[str, float]]]:
    """The volume without its bias field, and the range of the field."""
    masks = find_masks(volume.array, policy, mask)
    n4 = BiasSettings(**settings.n4.model_dump())
    shading = fit_bias_field(volume.array, masks, n4)
    ranges = [
        {"low": float(field.min()), "high": float(field.max())}
        for field in shading.fields
    ]
    return volume.with_array(shading.apply(volume.array)), ranges
