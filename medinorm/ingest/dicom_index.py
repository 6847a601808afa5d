"""An index of DICOM files: what each header says about the series it belongs to."""

import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from medinorm.errors import ReadError, StageError
from medinorm.ingest.candidates import InputFile
from medinorm.ingest.dicom_files import numbers_of, read_header, text_of, value_of
from medinorm.ingest.dicom_rules import SEGMENTATIONS, reason_against
from medinorm.progress import track

_TAGS = (
    *("SOPClassUID", "SeriesInstanceUID", "StudyInstanceUID", "StudyID", "StudyDate"),
    *("PatientID", "ImageType", "EchoTime", "DiffusionBValue", "Rows", "Columns"),
    *("ImagePositionPatient", "ImageOrientationPatient", "ReferencedSeriesSequence"),
    "BurnedInAnnotation",
)

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Entry:
    """What the index keeps of one DICOM file.

    Args:
        path: the file.
        patient: the patient's number, or a stand-in for the study where it is missing.
        study: UID of the DICOM study.
        sessions: what a label table may call the session.
        series: UID of the series.
        split_key: what tells apart several volumes in one series.
        direction: of growing column and row, if there is one for the whole file.
        position: of the first pixel to a hundredth of a mm, likewise.
        refers_to: for a segmentation, UID of its series, empty if it does not say;
            ``None`` for all else.
        reason: why it is no scan; empty if it may be one.
    """

    path: Path
    patient: str
    study: str
    sessions: frozenset[str]
    series: str
    split_key: str
    direction: Numbers | None
    position: Numbers | None
    refers_to: str | None = None
    reason: str = ""


def index_folders(folders: Sequence[Path]) -> tuple[list[Entry], list[InputFile]]:
    """Read the headers of all DICOM files in folders and in the folders inside.

    Returns:
        The DICOM objects that belong to a series, and all other files.

    Raises:
        StageError: a folder is missing.
    """
    found = [index_file(path) for path in track(list(_walk(folders)), "index")]
    entries = [item for item in found if isinstance(item, Entry)]
    return entries, [item for item in found if isinstance(item, InputFile)]


def index_file(path: Path) -> Entry | InputFile:
    """Read the header of one file."""
    if path.is_dir():
        reason = "a folder that is a link or may not be entered; name it in input.dicom"
        return InputFile(path, "unreadable", reason=reason)
    try:
        header = read_header(path, _TAGS)
    except ReadError as error:
        return InputFile(path, "unreadable", reason=str(error))
    if header is None:
        archive = zipfile.is_zipfile(path)
        reason = "an archive; unpack it first" if archive else "not DICOM"
        return InputFile(path, "excluded", reason=reason)
    entry = _entry(path, header)
    if entry.series and entry.study:
        return entry
    reason = entry.reason or "belongs to no series; export it again"
    return InputFile(path, "excluded", reason=reason)


def _walk(folders: Sequence[Path]) -> Iterator[Path]:
    """All files once, in the order of their names, and folders that are not entered."""
    closed: list[Path] = []
    seen = set()

    def note(error: OSError) -> None:
        closed.append(Path(str(error.filename)))

    for number, folder in enumerate(folders, 1):
        if not folder.is_dir():
            raise StageError(
                f"input.dicom: folder {number} of {len(folders)} does not exist"
            )
        for parent, inner, names in os.walk(folder.absolute(), onerror=note):
            inner.sort()
            links = [Path(parent, name) for name in inner]
            closed += [path for path in links if path.is_symlink()]
            for name in sorted(names):
                real = os.path.realpath(path := Path(parent, name))
                if real not in seen:
                    seen.add(real)
                    yield path
    yield from closed


def _entry(path: Path, header: Dataset) -> Entry:
    """The index entry of one header."""
    sop_class = text_of(header, "SOPClassUID") or text_of(
        getattr(header, "file_meta", Dataset()), "MediaStorageSOPClassUID"
    )
    image_type = text_of(header, "ImageType").split("\\")
    study = text_of(header, "StudyInstanceUID")
    segmentation = sop_class in SEGMENTATIONS
    reason = reason_against(
        sop_class,
        image_type,
        burned_in=text_of(header, "BurnedInAnnotation").upper() == "YES",
    )
    shape = [text_of(header, keyword) for keyword in ("Rows", "Columns")]
    numbers = [
        _rounded(numbers_of(header, keyword, 1))
        for keyword in ("EchoTime", "DiffusionBValue")
    ]
    sessions = {study, text_of(header, "StudyID"), text_of(header, "StudyDate")}
    return Entry(
        path=path,
        # Without a number each study counts as somebody else.
        patient=text_of(header, "PatientID") or f"\0{study}",
        study=study,
        sessions=frozenset(sessions - {""}),
        series=text_of(header, "SeriesInstanceUID"),
        split_key=repr((image_type, shape, numbers)),
        direction=numbers_of(header, "ImageOrientationPatient", 6),
        position=_rounded(numbers_of(header, "ImagePositionPatient", 3)),
        refers_to=_referenced_series(header) if segmentation else None,
        reason="" if segmentation else reason,
    )


def _rounded(numbers: Numbers | None) -> Numbers | None:
    """Numbers without the noise of how they were written."""
    return None if numbers is None else tuple(round(n, 2) + 0.0 for n in numbers)


def _referenced_series(header: Dataset) -> str:
    """UID of the series a segmentation was drawn on, empty if it does not say."""
    items = value_of(header, "ReferencedSeriesSequence", ())
    found = {text_of(item, "SeriesInstanceUID") for item in items}
    return found.pop() if len(found) == 1 else ""
