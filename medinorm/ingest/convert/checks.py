"""What a scan must be to go on, and the exact changes of axes that are allowed."""

from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from medinorm.choices import NonfiniteName
from medinorm.config import InputConfig
from medinorm.errors import GeometryError, IntensityError, LabelError, ReadError
from medinorm.files.nifti import Volume
from medinorm.records.labels import own_values

_SHOWN = 8  # label values named in a message
_ROUNDING = 1e-3  # of label values that tools have scaled
_LEVELS = 256  # steps of single precision that a contrast must have
_FLAT = 8  # steps of an image's own precision that are no contrast
_WIDE = frozenset({"float64", "int64", "uint64", "uint32"})  # than single precision
_EXACT = 1 << 24  # whole numbers up to it are exact in single precision


def check_image(
    volume: Volume, min_voxels: int, nonfinite: NonfiniteName = "refuse"
) -> Volume:
    """Refuse images that nothing can be learned from.

    Args:
        volume: one channel or several.
        min_voxels: shortest allowed axis.
        nonfinite: whether NaN and infinity are refused, or left to harmonize.

    Returns:
        The volume in a data type that every NIfTI reader knows.

    Raises:
        ReadError: voxels are colours or complex numbers.
        GeometryError: an axis is too short.
        IntensityError: voxels are not finite, or all the same, or differ by less than
            single precision holds.
    """
    if volume.array.dtype.kind not in "biuf":
        raise ReadError("voxels are complex numbers or colours; give grey values")
    if min(volume.grid) < min_voxels:
        raise GeometryError(
            f"the shortest axis has {min(volume.grid)} voxels, fewer than "
            f"ingest.min_voxels: {min_voxels}; a localizer or single slices? lower it "
            "if the scan is to be used"
        )
    array = _common_type(volume.array)
    finite = np.isfinite(array)
    wrong = int(array.size - np.count_nonzero(finite))
    if wrong and nonfinite == "refuse":
        raise IntensityError(
            f"{wrong} of {array.size} voxels are not finite numbers; repair the image, "
            "or set harmonize.nonfinite to ignore"
        )
    wide = volume.array.dtype.name in _WIDE
    for channel, usable, raw in zip(array, finite, volume.array, strict=True):
        single = channel[usable] if wrong else channel
        original = (raw[usable] if wrong else raw) if wide else single
        _check_contrast(original)
        if wide:
            _check_precision(single, original)
    return volume.with_array(array)


def note_rounding(array: NDArray[Any]) -> tuple[str, ...]:
    """What `check_image` rounds of whole numbers, for the sidecar."""
    if array.dtype.kind not in "iu" or array.dtype.name not in _WIDE or not array.size:
        return ()
    if max(abs(int(array.min())), int(array.max())) <= _EXACT:
        return ()
    return (f"voxels above {_EXACT} rounded to the nearest number of single precision",)


def _check_contrast(values: NDArray[Any]) -> None:
    """Refuse a channel without two different finite voxels."""
    if not values.size:
        raise IntensityError("no voxel is a finite number; repair the image")
    low, high = values.min(), values.max()
    double = values.dtype == np.float64
    if low == high or (
        double and high - low <= _FLAT * np.spacing(max(abs(low), abs(high)))
    ):
        raise IntensityError("all voxels have the same value; the image is empty")


def _check_precision(single: NDArray[Any], values: NDArray[Any]) -> None:
    """Refuse values whose contrast single precision does not hold.

    Args:
        single: finite voxels in single precision.
        values: the same as they were read.

    Raises:
        IntensityError: it does not; nothing is subtracted silently.
    """
    low, high = values.min(), values.max()
    whole = values.dtype.kind in "iu"  # exact as whole numbers only
    contrast = float(int(high) - int(low) if whole else high - low)
    largest = max(abs(float(low)), abs(float(high)))
    if contrast >= _LEVELS * np.spacing(np.float32(largest)):
        return
    # From the lowest value: double precision does not hold all whole numbers.
    lost = np.abs((single.astype(np.float64) - float(low)) - (values - low)).max()
    if contrast and lost * 2 * _LEVELS > contrast:
        raise IntensityError(
            "the voxels differ too little beside their size: single precision "
            "(float32) cannot hold the contrast; subtract the same number from all "
            "voxels and save the image again"
        )


def check_labels(volume: Volume, study: InputConfig) -> Volume:
    """Refuse label maps that do not fit the study, and give labels their own values.

    A label map without any label is data: that of a healthy control.

    Args:
        volume: one channel.
        study: which values are labels, which are ignored, what becomes of others.

    Returns:
        The label map as uint8, with the values of `InputConfig.named_labels` and
        `InputConfig.ignored`.

    Raises:
        LabelError: values are no whole numbers, or unknown.
    """
    if len(volume.array) != 1:
        raise LabelError(
            f"label map: has {len(volume.array)} volumes; one with a value for each "
            "label is read"
        )
    labels = _whole_numbers(volume.array)
    values = np.unique(labels)
    named = own_values(study.label_values)
    own = {0: 0, **dict.fromkeys(study.ignored_values, study.ignored or 0), **named}
    unknown = [int(value) for value in values if int(value) not in own]
    if unknown and study.others == "refuse":
        raise LabelError(
            f"label map: has values {_listed(unknown)}, which input.label_values does "
            f"not name (it names {_listed(sorted(named))}); name them, or set "
            "input.others to background"
        )
    becomes = np.array([own.get(int(value), 0) for value in values], dtype=np.uint8)
    if np.array_equal(becomes, values):
        return volume.with_array(labels.astype(np.uint8))
    return volume.with_array(becomes[np.searchsorted(values, labels)])


def _whole_numbers(array: NDArray[Any]) -> NDArray[Any]:
    """The values of a label map without the rounding errors of tools.

    Raises:
        LabelError: values are no whole numbers.
    """
    if array.dtype.kind not in "biuf":
        raise LabelError("label map: voxels are not whole numbers")
    if array.dtype.kind != "f":
        return array
    if not np.isfinite(array).all():
        raise LabelError("label map: has values that are not whole numbers: NaN or inf")
    nearest: NDArray[Any] = np.rint(array)
    if np.abs(array - nearest).max() > _ROUNDING:
        raise LabelError(
            "label map: has values that are not whole numbers; it may have been "
            "resampled by interpolation"
        )
    return nearest


def on_grid_of(reference: Volume, volume: Volume, tolerance: float) -> Volume:
    """Turn the axes of a volume so that its grid is that of another.

    Axes are permuted and flipped, which moves no voxel in the world; tools differ in
    the order they write. Nothing is resampled.

    Args:
        reference: the grid that is wanted.
        volume: what is on the same grid but for its axes.
        tolerance: largest distance of corresponding corners, in voxels.

    Raises:
        GeometryError: the grids lie differently in the world.
    """
    turn = np.linalg.inv(reference.affine) @ volume.affine
    orientation = nib.io_orientation(turn)
    if np.isnan(orientation).any():
        raise GeometryError("another grid: its axes do not match")
    turned = Volume(
        np.stack(
            [nib.apply_orientation(channel, orientation) for channel in volume.array]
        ),
        volume.affine @ nib.orientations.inv_ornt_aff(orientation, volume.grid),
    )
    if turned.grid != reference.grid:
        raise GeometryError(
            f"another grid: {_times(turned.grid)} voxels, the image has "
            f"{_times(reference.grid)}; resample it to the image"
        )
    if not reference.same_grid(turned, tolerance):
        raise GeometryError(
            f"another grid: corners lie more than {tolerance:g} voxels from those of "
            "the image (ingest.grid_tolerance); resample it to the image"
        )
    return Volume(turned.array, reference.affine)


def _common_type(array: NDArray[Any]) -> NDArray[Any]:
    """Voxels in the machine's byte order and one of the widely read types."""
    native = array.dtype.newbyteorder("=")
    if native == np.bool_:
        return array.astype(np.uint8)
    if native.kind == "f":
        with np.errstate(over="ignore"):  # what overflows is refused as not finite
            return array.astype(np.float32)
    if native.itemsize > 4 or native == np.uint32:
        return array.astype(np.float32)
    return array.astype(native)


def _listed(values: list[int]) -> str:
    """Some of the values."""
    text = ", ".join(map(str, values[:_SHOWN]))
    return f"{text} and {len(values) - _SHOWN} more" if len(values) > _SHOWN else text


def _times(grid: tuple[int, ...]) -> str:
    """A grid's size.

    Examples:
        >>> _times((64, 64, 20))
        '64x64x20'
    """
    return "x".join(map(str, grid))
