"""The plan: which scans the input may hold, and what becomes of every file."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from medinorm.config import IngestConfig, InputConfig
from medinorm.config.input.dicom import find_channel_problem
from medinorm.errors import StageError
from medinorm.files.atomic import clear_leftovers, write_json
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms, open_pseudonyms
from medinorm.ingest.index import IndexRow, read_index
from medinorm.ingest.plan.candidates import (
    Candidate,
    InputFile,
    Inventory,
    LeftOut,
    count_unused_files,
    write_files,
    write_plan,
)
from medinorm.ingest.plan.from_bids import find_bids_scans
from medinorm.ingest.plan.from_dicom import find_dicom_scans
from medinorm.ingest.plan.from_table import find_table_scans, suffix_of
from medinorm.jobs.declare import stage
from medinorm.layout import FILES_NAME

SERIES_FOLDER = "series"

_IN_USE = frozenset({"used", "part"})


@stage("plan", after="index")
def plan_scans(
    index: Path,
    plan: Path,
    *,
    private: Path = Path("private"),
    input: InputConfig,  # noqa: A002 - the word in the configuration
    ingest: IngestConfig,
) -> None:
    """Find the candidate scans of the input and account for each of its files.

    Writes the plan and, in the private folder, `files.tsv` with the state of every
    file and one list of files for each DICOM series.

    Args:
        index: private index of the input, written by `medinorm index`.
        plan: private table to write.
        private: folder of the key and of all that links pseudonyms to the input.
        input: where the scans come from.
        ingest: whether subjects keep their names.

    Raises:
        StageError: the input is missing, empty or contradictory, or a file was lost.
    """
    pseudonyms = open_pseudonyms(private, keep=ingest.subjects == "keep")
    clear_leftovers([plan, private / FILES_NAME, private / SERIES_FOLDER / "*"])
    known = read_index(index)
    inventory = _find(input, ingest, known, pseudonyms)
    for name, paths in inventory.series.items():
        write_json(private / SERIES_FOLDER / name, list(map(str, paths)))
    _check_unique(inventory.candidates)
    settled = _one_each(inventory.files)
    _check_none_lost(known, settled)
    write_files(private / FILES_NAME, settled)
    rows = sorted(inventory.candidates, key=_scans_first)
    write_plan(plan, [*rows, *count_unused_files(settled)])


def _scans_first(row: Candidate | LeftOut) -> tuple[bool, str, str]:
    """The place of a row: scans by their id, then what is left out."""
    scan = row.scan if isinstance(row, Candidate) else ""
    return not scan, scan, row.where


def _find(
    source: InputConfig,
    ingest: IngestConfig,
    index: Sequence[IndexRow],
    pseudonyms: Pseudonyms,
) -> Inventory:
    """What the configured input holds."""
    unlabelled = source.unlabelled == "allow"
    if source.scans is not None:
        return find_table_scans(
            source.scans, source.channels, pseudonyms, unlabelled=unlabelled
        )
    if source.dicom:
        if problem := find_channel_problem(ingest.select, source.channels):
            raise StageError(problem)
        return find_dicom_scans(
            index,
            source.labels,
            suffix_of(source.channels),
            pseudonyms,
            ingest,
            source.channels,
            unlabelled=unlabelled,
        )
    if source.bids is not None:
        return find_bids_scans(
            source.bids,
            index,
            source.channels,
            pseudonyms,
            source.label_values,
            unlabelled=unlabelled,
        )
    raise StageError("no input: give one of input.scans, input.dicom and input.bids")


def _one_each(files: Iterable[InputFile]) -> list[InputFile]:
    """One state for each file.

    A label map that lies among the DICOM files is listed twice: as no DICOM file, and
    as used. A file with many frames may serve several scans.
    """
    states: dict[str, InputFile] = {}
    for file in files:
        path = os.path.normpath(file.path)
        before = states.get(path)
        if before is None:
            states[path] = file
            continue
        best = before if before.state in _IN_USE else file
        users = [before.where, *before.others, file.where, *file.others]
        others = (user for user in users if user and user != best.where)
        states[path] = replace(best, others=tuple(dict.fromkeys(others)))
    return list(states.values())


def _check_none_lost(index: Sequence[IndexRow], files: Sequence[InputFile]) -> None:
    """Compare the files of the index with those that have a state.

    Raises:
        StageError: a file has no state; that is a bug.
    """
    states = Counter(os.path.normpath(file.path) for file in files)
    lost = sum(os.path.normpath(row.path) not in states for row in index)
    if lost:
        raise StageError(
            f"{lost} of {len(index)} files of the index have no state in the plan; "
            "please report this bug"
        )


def _check_unique(rows: Iterable[Candidate | LeftOut]) -> None:
    """Refuse two candidates of one id: their files would overwrite each other."""
    scans = [row.scan for row in rows if isinstance(row, Candidate)]
    if len(set(scans)) < len(scans):
        raise StageError(
            "two scans would get the same id; rename a session, or set "
            "ingest.subjects to pseudonym"
        )
