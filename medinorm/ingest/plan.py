"""The plan: which scans the input may hold, and what becomes of every file."""

from dataclasses import replace
from pathlib import Path

from medinorm.config import IngestConfig, InputConfig
from medinorm.errors import StageError
from medinorm.files import write_json
from medinorm.ingest.bids_source import find_bids_scans
from medinorm.ingest.candidates import (
    FILE_COLUMNS,
    Candidate,
    Inventory,
    count_strays,
)
from medinorm.ingest.dicom_source import find_dicom_scans
from medinorm.ingest.pseudonyms import Pseudonyms, open_pseudonyms
from medinorm.ingest.table_source import find_table_scans, suffix_of
from medinorm.scan import PLAN_COLUMNS
from medinorm.tables import write_table

FILES_NAME = "files.tsv"
SERIES_FOLDER = "series"


def plan_scans(
    plan: Path,
    *,
    private: Path,
    input: InputConfig,  # noqa: A002 - the word in the configuration
    ingest: IngestConfig,
) -> None:
    """Find the candidate scans of the input and account for each of its files.

    Writes the plan and, in the private folder, `files.tsv` with the state of every
    file and one list of files for each DICOM series.

    Args:
        plan: private table to write, with `PLAN_COLUMNS`.
        private: folder of the key and of all that links pseudonyms to the input.
        input: where the scans come from.
        ingest: whether subjects keep their names.

    Raises:
        StageError: the input is missing, empty or contradictory.
    """
    pseudonyms = open_pseudonyms(private, keep=ingest.subjects == "keep")
    found = _find(input, pseudonyms)
    rows = [_stored(candidate, private).row for candidate in found.candidates]
    rows.sort(key=lambda row: (row["scan"] == "", row["scan"], row["where"]))
    _check_unique([row["scan"] for row in rows if row["scan"]])
    strays = [candidate.row for candidate in count_strays(found.files)]
    files = sorted((file.row for file in found.files), key=lambda row: row["path"])
    write_table(private / FILES_NAME, files, FILE_COLUMNS)
    write_table(plan, [*rows, *strays], PLAN_COLUMNS)


def _find(source: InputConfig, pseudonyms: Pseudonyms) -> Inventory:
    """What the configured input holds."""
    if source.scans is not None:
        return find_table_scans(source.scans, source.channels, pseudonyms)
    if source.dicom:
        return find_dicom_scans(
            source.dicom, source.labels, suffix_of(source.channels), pseudonyms
        )
    if source.bids is not None:
        return find_bids_scans(source.bids, source.channels, pseudonyms)
    raise StageError("no input: give one of input.scans, input.dicom and input.bids")


def _stored(candidate: Candidate, private: Path) -> Candidate:
    """The candidate with a long list of files moved to a file of its own."""
    files = candidate.source.get("files")
    if files is None:
        return candidate
    path = private / SERIES_FOLDER / f"{candidate.scan}.json"
    write_json(path, files)
    return replace(candidate, source={**candidate.source, "files": path.name})


def _check_unique(scans: list[str]) -> None:
    """Refuse two candidates of one id: their files would overwrite each other."""
    if len(set(scans)) < len(scans):
        raise StageError(
            "two scans would get the same id; rename a session, or set "
            "ingest.subjects to pseudonym"
        )
