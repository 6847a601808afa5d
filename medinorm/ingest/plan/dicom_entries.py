"""What the index says about each DICOM file and the series it belongs to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medinorm.ingest.dicom.burned_in import burned_in_risk
from medinorm.ingest.dicom.exclusion_rules import reason_against
from medinorm.ingest.dicom.object_classes import ANNOTATIONS, IMAGES
from medinorm.ingest.index import IndexRow
from medinorm.ingest.plan.candidates import FileState, InputFile


@dataclass(frozen=True)
class DicomEntry:
    """What the index keeps of one DICOM file.

    Args:
        path: the file.
        patient: the patient's number, or a stand-in for the study where it is missing.
        study: UID of the DICOM study.
        sessions: what a label table may call the session.
        series: UID of the series.
        refers_to: for a segmentation or structure set, UID of its series, empty if it
            does not say; ``None`` for all else.
        reason: why it is no scan; empty if it may be one.
        risky: whether the reason is that its pixels may name the patient.
        values: texts of its header by keyword, see `KEYWORDS`.
    """

    path: Path
    patient: str
    study: str
    sessions: frozenset[str]
    series: str
    refers_to: str | None = None
    reason: str = ""
    risky: bool = False
    values: Mapping[str, str] = field(default_factory=dict)


def sort_rows(rows: Sequence[IndexRow]) -> tuple[list[DicomEntry], list[InputFile]]:
    """Divide the index into DICOM objects that belong to a series and other files."""
    sorted_rows = [_sorted_row(row) for row in rows]
    entries = [item for item in sorted_rows if isinstance(item, DicomEntry)]
    return entries, [item for item in sorted_rows if isinstance(item, InputFile)]


def _sorted_row(row: IndexRow) -> DicomEntry | InputFile:
    """One row as an entry, or as a file that is not used."""
    if row.state != "dicom":
        state: FileState = "unreadable" if row.state == "unreadable" else "excluded"
        return InputFile(row.path, state, reason=row.reason)
    entry = _entry(row.path, row.values)
    if entry.series and entry.study:
        return entry
    reason = entry.reason or "belongs to no series; export it again"
    return InputFile(row.path, "excluded", reason=reason)


def _entry(path: Path, values: Mapping[str, str]) -> DicomEntry:
    """The entry of one DICOM object."""
    text = values.get
    sop_class = text("SOPClassUID") or text("MediaStorageSOPClassUID", "")
    study = text("StudyInstanceUID", "")
    is_annotation = sop_class in ANNOTATIONS
    # What could never be a scan is left out for that reason, even if it is risky.
    risk = burned_in_risk(values) if sop_class in IMAGES else ""
    reason = risk or reason_against({**values, "SOPClassUID": sop_class})
    sessions = {study, text("StudyID", ""), text("StudyDate", "")}
    return DicomEntry(
        path=path,
        # Without a number each study counts as somebody else.
        patient=text("PatientID") or f"\0{study}",
        study=study,
        sessions=frozenset(sessions - {""}),
        series=text("SeriesInstanceUID", ""),
        refers_to=text("ReferencedSeries", "") if is_annotation else None,
        reason="" if is_annotation else reason,
        risky=bool(risk),
        values=values,
    )
