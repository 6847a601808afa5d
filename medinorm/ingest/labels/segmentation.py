"""Label maps from DICOM SEG objects, put onto the grid of their image."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medinorm.errors import GeometryError, LabelError
from medinorm.files.nifti import Volume
from medinorm.ingest.dicom.files import numbers_of, read_pixels, text_of, value_of
from medinorm.ingest.dicom.frames import planes_of, read_frames
from medinorm.ingest.labels.names import fold_name, values_by_name

_RAS = np.array([-1.0, -1.0, 1.0])
_WHOLE_SLICE = 0.01  # a frame may miss its slice by this fraction of the gap


def read_segmentation(
    path: Path,
    image: Volume,
    names: Mapping[int, str],
    tolerance: float,
    others: Literal["refuse", "background"] = "refuse",
) -> Volume:
    """Read a DICOM SEG as a label map on the grid of an image.

    A segment gets the label value whose name in the study is the segment's label; case
    and punctuation do not count. The numbers of segments count only if none has a
    label.

    Args:
        path: the SEG object.
        image: the image it was drawn on, with the acquisition's axes.
        names: name of each label value of the study.
        tolerance: largest distance of corresponding corners, in mm.
        others: what becomes of segments whose name is not in `names`.

    Raises:
        LabelError: segments overlap, are fractions or have names unknown to the study.
        GeometryError: a frame lies on no slice of the image.
        ReadError: the object is damaged.
    """
    dataset, frames = read_pixels(path)
    values = _segment_values(dataset, names, others)
    slices = _slices_of(path, image, tolerance)
    numbers = _segments_of_frames(dataset, len(frames))
    labels = np.zeros(image.grid, dtype=np.int64)
    for frame, place, number in zip(frames, slices, numbers, strict=True):
        own = _label_values(frame.T, number, values)
        before = labels[:, :, place]
        if (before[own > 0] > 0).any():
            raise LabelError("label map: segments overlap; export them without overlap")
        labels[:, :, place] = np.where(own > 0, own, before)
    return Volume(labels[np.newaxis], image.affine)


def _segment_values(
    dataset: Dataset, names: Mapping[int, str], others: str
) -> dict[int, int]:
    """The label value of each segment number."""
    kind = text_of(dataset, "SegmentationType")
    if kind not in {"BINARY", "LABELMAP"}:
        raise LabelError("label map: segments are fractions; export them as binary")
    wanted = values_by_name(names)
    labels = _segment_labels(dataset)
    # Number 0, which only label maps have, is their background unless the study asks.
    labels = {n: label for n, label in labels.items() if n > 0 or label in wanted}
    if not any(labels.values()):
        return {number: number for number in labels}
    unknown = sum(not label or label not in wanted for label in labels.values())
    if unknown and others == "refuse":
        raise LabelError(
            f"DICOM SEG: {unknown} of {len(labels)} segments have no name that "
            "input.label_values lists; list it there or in input.ignore, export "
            "without them, or set input.others to background"
        )
    return {number: wanted.get(label, 0) for number, label in labels.items()}


def _segment_labels(dataset: Dataset) -> dict[int, str]:
    """The folded label of each segment number, empty where there is none."""
    labels: dict[int, str] = {}
    for item in value_of(dataset, "SegmentSequence", ()):
        number = numbers_of(item, "SegmentNumber", 1)
        if number is not None:
            labels[int(number[0])] = fold_name(text_of(item, "SegmentLabel"))
    return labels


def _slices_of(path: Path, image: Volume, tolerance: float) -> list[int]:
    """Which slice of the image each frame lies on."""
    frames = read_frames(path)
    planes = planes_of(frames)
    columns, rows, slices = image.grid
    if {frame.shape for frame in frames} != {(float(rows), float(columns))}:
        raise GeometryError("label map: another grid: frames have another size")
    to_voxel = np.linalg.inv(image.affine)
    first = planes.positions * _RAS
    nearest = np.rint(first @ to_voxel[2, :3] + to_voxel[2, 3])
    for corner in ((0, 0), (columns - 1, 0), (0, rows - 1)):
        offset = np.array(corner) * planes.spacings[:, ::-1]
        said = first + np.einsum("ni,nij->nj", offset, planes.directions) * _RAS
        voxels = np.column_stack([np.tile(corner, (len(nearest), 1)), nearest])
        placed = voxels @ image.affine[:3, :3].T + image.affine[:3, 3]
        error = np.abs(placed - said).max()
        if not error <= max(tolerance, _WHOLE_SLICE * image.spacing[2]):
            raise GeometryError(
                "label map: another grid: a frame lies on no slice of the image"
            )
    if nearest.min() < 0 or nearest.max() >= slices:
        raise GeometryError("label map: another grid: a frame lies beyond the image")
    return [int(place) for place in nearest]


def _segments_of_frames(dataset: Dataset, count: int) -> list[int]:
    """The segment each frame belongs to; 0 where pixels say it themselves."""
    if text_of(dataset, "SegmentationType") == "LABELMAP":
        return [0] * count
    shared = list(value_of(dataset, "SharedFunctionalGroupsSequence", ()))
    groups = list(value_of(dataset, "PerFrameFunctionalGroupsSequence", ()))
    return [_segment_of([group, *shared]) for group in groups]


def _segment_of(groups: Sequence[Dataset]) -> int:
    """The segment number in the first group that names one."""
    for group in groups:
        for item in value_of(group, "SegmentIdentificationSequence", ()):
            number = numbers_of(item, "ReferencedSegmentNumber", 1)
            if number is not None and number[0] >= 1:
                return int(number[0])
    raise LabelError("label map: a frame does not say which segment it shows")


def _label_values(
    pixels: NDArray[np.integer], number: int, values: Mapping[int, int]
) -> NDArray[np.int64]:
    """The label values of one frame of a segment; 0 if pixels say the segment."""
    known = {0: 0} | dict(values)
    shown = [number] if number else [int(value) for value in np.unique(pixels)]
    if not known.keys() >= set(shown):
        raise LabelError("label map: a frame shows a segment that is not described")
    if number:
        return (pixels > 0).astype(np.int64) * known[number]
    table = np.zeros(int(pixels.max()) + 1, dtype=np.int64)
    table[shown] = [known[value] for value in shown]
    labels: NDArray[np.int64] = table[pixels]
    return labels
