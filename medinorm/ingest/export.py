"""The stage that writes de-identified copies of DICOM files."""

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from medinorm.config import ExportConfig
from medinorm.errors import ReadError, StageError
from medinorm.files.atomic import replacing
from medinorm.files.machine import pass_on_machine_fault
from medinorm.files.records import write_records
from medinorm.ingest.archives import on_disk, removing
from medinorm.ingest.deidentify.headers import Deidentifier, Subject
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms, open_pseudonyms
from medinorm.ingest.dicom.burned_in import BURNED_IN_KEYWORDS, burned_in_risk
from medinorm.ingest.dicom.exclusion_rules import reason_against
from medinorm.ingest.dicom.files import quiet_reading, read_pixels, text_of
from medinorm.ingest.dicom.object_classes import IMAGES
from medinorm.ingest.index import IndexRow, look_through
from medinorm.ingest.plan.candidates import printable
from medinorm.jobs.declare import stage
from medinorm.jobs.progress import track
from medinorm.jobs.shards import place_of
from medinorm.records.scans import AccountRow

ExportState = Literal["exported", "excluded", "quarantined", "unreadable"]

ACCOUNT_NAME = "exported.tsv"
_COPIES = "export-copies"
_SERIES_LENGTH = 8
_NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Outcome:
    """What became of one file: where it went, or why it did not."""

    source: Path
    state: ExportState
    target: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class ExportedRow:
    """One row of the private account of an export.

    Args:
        path: the file, readable.
        state: what became of it.
        copy: its copy, relative to the folder that was written.
        reason: why there is none.
    """

    path: str
    state: ExportState
    copy: str | None
    reason: str | None


@dataclass(frozen=True)
class _Export:
    """What the files of one export share.

    Args:
        output: folder to write to.
        pseudonyms: holds the key.
        settings: what may stay.
        copies: private folder for files out of archives.
        subjects: label of each patient.
    """

    output: Path
    pseudonyms: Pseudonyms
    settings: ExportConfig
    copies: Path
    subjects: Mapping[str, str]


@stage("export", after="strict")
def export_dicom(
    source: Path,
    output: Path,
    *,
    private: Path = Path("private"),
    settings: ExportConfig,
) -> None:
    """Write a de-identified copy of each MR, CT and PET image below a folder.

    Only listed attributes stay, pixels are written uncompressed, and images that may
    have a name in their pixels are held back. `exported.tsv` in the private folder says
    what became of each file, `excluded.tsv` beside the copies how many were left out
    for which reason. The same files, key and settings give the same bytes.

    Args:
        source: folder of DICOM files, ZIP archives included.
        output: new or empty folder to write ``sub-*/ses-*/series/*.dcm`` to.
        private: folder of the key.
        settings: what may stay.

    Raises:
        StageError: a folder is missing or lies in another one, `output` holds something
            already, or nothing was exported.
    """
    _check_apart(source, output, private)
    rows = look_through([source])
    pseudonyms = open_pseudonyms(private)
    patients = {_patient_of(row.values) for row in rows if row.state == "dicom"}
    with removing(private / _COPIES) as copies:
        export = _Export(
            output, pseudonyms, settings, copies, pseudonyms.subjects(patients)
        )
        outcomes = _outcomes(rows, export)
    _write_account(outcomes, output, private)
    states = Counter(outcome.state for outcome in outcomes)
    _log.info("%s", ", ".join(f"{n} {state}" for state, n in sorted(states.items())))
    if not states["exported"]:
        raise StageError("nothing was exported; excluded.tsv has the reasons")


def _check_apart(source: Path, output: Path, private: Path) -> None:
    """Refuse folders that would mix originals, copies, older copies and the key."""
    if not source.is_dir():
        raise StageError("export: the folder of DICOM files does not exist")
    inner, outer, key = (path.resolve() for path in (output, source, private))
    if inner.is_relative_to(outer) or outer.is_relative_to(inner):
        raise StageError("export: write to a folder apart from the one that is read")
    if key.is_relative_to(inner) or inner.is_relative_to(key):
        raise StageError("--private must lie outside of the folder that is written")
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise StageError(
            "export: give a new or empty folder; copies of an earlier export may be of "
            "patients who are no longer wanted"
        )


def _patient_of(values: Mapping[str, str]) -> str:
    """The patient's number; without one each study counts as somebody else."""
    return values.get("PatientID") or f"\0{values.get('StudyInstanceUID', '')}"


def _outcomes(rows: Sequence[IndexRow], export: _Export) -> list[_Outcome]:
    """Export all files, one after the other."""
    outcomes = []
    taken: set[str] = set()
    for row in track(rows, "export"):
        outcome = _outcome(row, export, taken)
        outcomes.append(outcome)
        taken |= {outcome.target} if outcome.target else set()
    return outcomes


def _outcome(row: IndexRow, export: _Export, taken: Collection[str]) -> _Outcome:
    """Export one file, or say why not."""
    if row.state != "dicom":
        state: ExportState = "unreadable" if row.state == "unreadable" else "excluded"
        return _Outcome(row.path, state, reason=row.reason)
    try:
        return _exported(row, export, taken)
    except ReadError as error:
        return _Outcome(row.path, "unreadable", reason=str(error))
    except Exception as error:  # one file must not end the export of the others
        pass_on_machine_fault(error)
        reason = f"unexpected error, please report it: {place_of(error)}"
        return _Outcome(row.path, "unreadable", reason=reason)


def _exported(row: IndexRow, export: _Export, taken: Collection[str]) -> _Outcome:
    """Export one DICOM object.

    Raises:
        ReadError: its pixels cannot be read.
    """
    if reason := burned_in_risk(row.values):
        return _Outcome(row.path, "quarantined", reason=reason)
    if row.values.get("SOPClassUID", "") not in IMAGES:
        reason = reason_against(row.values)
        return _Outcome(row.path, "excluded", reason=reason)
    path = on_disk([row.path], export.copies)[0]
    original, frames = read_pixels(path)
    if path != row.path:
        path.unlink()
    header_texts = {name: text_of(original, name) for name in BURNED_IN_KEYWORDS}
    if reason := burned_in_risk(header_texts):
        return _Outcome(row.path, "quarantined", reason=reason)
    if not all(text_of(original, keyword) for keyword in _NEEDED):
        reason = "belongs to no series; export it again"
        return _Outcome(row.path, "excluded", reason=reason)
    target = _target(original, row.values, export)
    if target in taken:
        return _Outcome(row.path, "excluded", reason="the same object as another file")
    patient = _patient_of(row.values)
    subject = Subject(patient, export.subjects[patient])
    deidentifier = Deidentifier(export.pseudonyms, subject, export.settings)
    _write(deidentifier.header(original), frames, export.output / target)
    return _Outcome(row.path, "exported", target)


def _target(original: Dataset, values: Mapping[str, str], export: _Export) -> str:
    """Where a copy goes, by pseudonyms; ingest gives the same ones."""
    patient = _patient_of(values)
    study, series, file = (text_of(original, keyword) for keyword in _NEEDED)
    name = export.pseudonyms.name
    parts = (
        f"sub-{export.subjects[patient]}",
        f"ses-{name('session', patient, study)}",
        name("series", series, length=_SERIES_LENGTH),
        f"{name('file', file)}.dcm",
    )
    return "/".join(parts)


def _write(header: Dataset, frames: NDArray[np.generic], path: Path) -> None:
    """Write pixels under a header, uncompressed, all or nothing.

    Other content of a compressed stream, or behind its end, is not copied.

    Raises:
        ReadError: pixels or header are such as the standard does not allow.
    """
    if frames.dtype.kind == "f":
        raise ReadError("pixels are no whole numbers, as an image's are")
    bits = 8 * frames.dtype.itemsize
    header.BitsAllocated = bits
    header.BitsStored = min(int(header.get("BitsStored", bits)), bits)
    header.HighBit = header.BitsStored - 1
    content = frames.astype(frames.dtype.newbyteorder("<")).tobytes()
    header.add_new(
        0x7FE00010, "OW" if bits > 8 else "OB", content + b"\0" * (len(content) % 2)
    )
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    stream = BytesIO()
    try:
        with quiet_reading():
            header.save_as(stream, enforce_file_format=True)
    except Exception:  # a damaged value can raise anything, and the text repeats it
        raise ReadError(
            "a value of the header cannot be what it says; export the series again"
        ) from None
    with replacing(path) as temporary:
        temporary.write_bytes(stream.getbuffer())


def _write_account(outcomes: Sequence[_Outcome], output: Path, private: Path) -> None:
    """Write what became of each file in private, and counts beside the copies."""
    rows = [
        ExportedRow(printable(o.source), o.state, o.target, o.reason) for o in outcomes
    ]
    write_records(private / ACCOUNT_NAME, rows, ExportedRow)
    left = Counter(
        (str(o.state), o.reason or "") for o in outcomes if o.state != "exported"
    )
    counted = [AccountRow(*why, files) for why, files in sorted(left.items())]
    write_records(output / "excluded.tsv", counted, AccountRow)
