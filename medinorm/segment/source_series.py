"""The series that a scan came from: what a DICOM SEG repeats of it, and no more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.valuerep import DA, TM, DSfloat

from medinorm.config import GeometryConfig
from medinorm.errors import ReadError
from medinorm.files.atomic import read_json
from medinorm.files.nifti import Volume
from medinorm.ingest.archives import on_disk, removing
from medinorm.ingest.dicom.files import (
    numbers_of,
    quiet_reading,
    read_header,
    text_of,
    value_of,
)
from medinorm.ingest.dicom.frames import Frame
from medinorm.ingest.dicom.object_classes import ENHANCED_IMAGES
from medinorm.ingest.dicom.volume import Placed, place_frames
from medinorm.ingest.plan.candidates import DicomSource
from medinorm.ingest.plan.judge_series import frames_of
from medinorm.ingest.plan.stage import SERIES_FOLDER

# A SEG belongs to the patient and the study of its images: a PACS files it by these.
PATIENT = (
    *("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate"),
    *("PatientSex", "PatientIdentityRemoved", "DeidentificationMethod"),
)
STUDY = (
    *("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber"),
    "ReferringPhysicianName",
)
_IMAGE = (
    *("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality"),
    *("FrameOfReferenceUID", "PositionReferenceIndicator", "LossyImageCompression"),
    *("LossyImageCompressionRatio", "LossyImageCompressionMethod"),
)
_READ = (*PATIENT, *STUDY, *_IMAGE, "SpecificCharacterSet", "SliceThickness")
# What every SEG has, if need be without a value.
_ALWAYS = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID"),
    *("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName"),
)
_NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_TIMES = {"PatientBirthDate": DA, "StudyDate": DA, "StudyTime": TM}
_SEXES = frozenset({"M", "F", "O"})
_SAME_GRID = 0.01  # of a voxel


@dataclass(frozen=True)
class SourceSeries:
    """What a DICOM SEG repeats of the images that it was drawn on.

    Args:
        images: headers that hold this and no more: one for each slice of the label map
            in its order, or a single one with all of them as frames.
        others: headers of further files of the series, whose slices are not those of
            the label map.
        frames: of a single one, which of its frames each slice is, from 1.
        aligned: whether the slices of the images are those of the label map.
    """

    images: Sequence[Dataset]
    others: Sequence[Dataset] = ()
    frames: Sequence[int] = ()
    aligned: bool = True


def read_source(
    source: DicomSource, label_map: Volume, private: Path, policy: GeometryConfig
) -> SourceSeries:
    """Read what a SEG of a scan repeats; pixels are not read.

    Args:
        source: where the scan came from; of several channels the first counts.
        label_map: of the scan, on its own grid.
        private: folder of the lists of files; copies out of archives are made there.
        policy: what ingest does about slices that are no even stack.

    Raises:
        ReadError: a file of the series is not there any more or is damaged, or its
            header lacks what a SEG must repeat.
        GeometryError: the slices do not make a volume.
    """
    listed = read_json(private / SERIES_FOLDER / source.files)
    with removing(private / "unpacked" / f"seg-{source.files}") as folder:
        files = on_disk(list(map(Path, listed)), folder)
        numbers = source.frames or [None] * len(files)
        placed = place_frames(frames_of(files, numbers), policy)
        ordered = [placed.frames[number] for number in placed.stack.order]
        headers = {frame.path: _read_header(frame.path) for frame in ordered}
    aligned = _is_aligned(placed, label_map)
    gap = label_map.spacing[2]
    if aligned and _are_single(ordered, headers):
        images = [_single_image(headers[own.path], own, gap) for own in ordered]
        return SourceSeries(images)
    enhanced = text_of(headers[ordered[0].path], "SOPClassUID") in ENHANCED_IMAGES
    if aligned and enhanced and len(headers) == 1:
        image = _multi_frame_image(headers[ordered[0].path], ordered, gap)
        return SourceSeries([image], frames=[own.number + 1 for own in ordered])
    firsts = {own.path: own for own in reversed(ordered)}
    image, *others = (
        _multi_frame_image(header, [firsts[path]], gap)
        if enhanced
        else _single_image(header, firsts[path], gap)
        for path, header in headers.items()
    )
    return SourceSeries([image], others, aligned=False)


def _read_header(path: Path) -> Dataset:
    """The elements that may be repeated.

    Raises:
        ReadError: it is no DICOM file any more, or names no frame of reference.
    """
    header = read_header(path, _READ)
    if header is None:
        raise ReadError("a file of the series is not DICOM any more; segment again")
    if not all(text_of(header, keyword) for keyword in _NEEDED):
        raise ReadError(
            "DICOM SEG: the series does not say which study it belongs to; export it "
            "again, or use the label map in NIfTI"
        )
    if not text_of(header, "FrameOfReferenceUID"):
        raise ReadError(
            "DICOM SEG: the series has no frame of reference, by which a viewer would "
            "place it; use the label map in NIfTI"
        )
    return header


def _is_aligned(placed: Placed, label_map: Volume) -> bool:
    """Whether each slice of the label map is one of the frames."""
    stack = placed.stack
    if not stack.even or stack.straighten:
        return False
    rows, columns = (int(size) for size in placed.frames[0].shape)
    if label_map.grid != (columns, rows, len(placed.frames)):
        return False
    return label_map.same_grid(Volume(label_map.array, stack.affine), _SAME_GRID)


def _are_single(frames: Sequence[Frame], headers: Mapping[Path, Dataset]) -> bool:
    """Whether each frame is the whole image of a file of its own."""
    return len(headers) == len(frames) and all(
        frame.stored == (1, *map(int, frame.shape))
        and text_of(headers[frame.path], "SOPClassUID") not in ENHANCED_IMAGES
        for frame in frames
    )


def _shared(header: Dataset) -> Dataset:
    """Patient, study and image of one file.

    Texts are those that its character set means: a SEG has one of its own.
    """
    image = Dataset()
    with quiet_reading():  # an odd value is not told: it may name the patient
        for keyword in (*PATIENT, *STUDY, *_IMAGE):
            value = value_of(header, keyword)
            if value is not None:
                setattr(image, keyword, value)
    for keyword in _ALWAYS:
        if keyword not in image:
            setattr(image, keyword, "")
    for keyword in ("PatientName", "ReferringPhysicianName"):
        setattr(image, keyword, str(image[keyword].value))
    if image.PatientSex not in _SEXES:
        image.PatientSex = ""
    for keyword, kind in _TIMES.items():
        setattr(image, keyword, _valid(str(image[keyword].value or ""), kind))
    return image


def _valid(text: str, kind: type[DA | TM]) -> str:
    """A date or a time; nothing, if it is none, such as one that was blanked."""
    try:
        return text if kind(text) else ""
    except ValueError:
        return ""


def _single_image(header: Dataset, frame: Frame, gap: float) -> Dataset:
    """The header of an image with one slice."""
    image = _shared(header)
    image.Rows, image.Columns = map(int, frame.shape)
    image.ImagePositionPatient = _decimals(frame.position)
    image.ImageOrientationPatient = _decimals(frame.directions)
    image.PixelSpacing = _decimals(frame.spacing)
    image.SliceThickness = _thickness(header, gap)
    image.SpacingBetweenSlices = _decimal(gap)
    return image


def _multi_frame_image(header: Dataset, frames: Sequence[Frame], gap: float) -> Dataset:
    """The header of an image with slices in order, whatever their order in the file."""
    image = _shared(header)
    image.Rows, image.Columns = map(int, frames[0].shape)
    image.NumberOfFrames = len(frames)
    shared, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = _decimals(frames[0].directions)
    measures.PixelSpacing = _decimals(frames[0].spacing)
    measures.SliceThickness = _thickness(header, gap)
    measures.SpacingBetweenSlices = _decimal(gap)
    shared.PlaneOrientationSequence = [orientation]
    shared.PixelMeasuresSequence = [measures]
    image.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for frame in frames:
        group, position = Dataset(), Dataset()
        position.ImagePositionPatient = _decimals(frame.position)
        group.PlanePositionSequence = [position]
        groups.append(group)
    image.PerFrameFunctionalGroupsSequence = groups
    return image


def _thickness(header: Dataset, gap: float) -> DSfloat:
    """The thickness of slices; their distance if it is not known."""
    (thickness,) = numbers_of(header, "SliceThickness", 1) or (0.0,)
    return _decimal(thickness if thickness > 0 else gap)


def _decimals(numbers: Sequence[float]) -> list[DSfloat]:
    """Numbers as DICOM writes them."""
    return [_decimal(number) for number in numbers]


def _decimal(number: float) -> DSfloat:
    """A number in the 16 characters that DICOM gives it."""
    return DSfloat(float(number), auto_format=True)
