"""The account of ingest: usable scans, excluded ones, and that none is missing."""

import hashlib
import logging
import shutil
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from medinorm.errors import StageError
from medinorm.files.atomic import clear_leftovers
from medinorm.files.sidecars import sidecar_path
from medinorm.files.tables import Row, read_table, write_table
from medinorm.ingest.bids.tables import write_bids_tables
from medinorm.ingest.collect.accounting import (
    SETTLED_COLUMNS,
    count_files,
    settle_files,
)
from medinorm.ingest.collect.prune import prune
from medinorm.ingest.convert.stage import UNPACKED_FOLDER
from medinorm.ingest.plan.candidates import FILE_COLUMNS, unpack
from medinorm.scan import (
    ACCOUNT_COLUMNS,
    CONVERTED_COLUMNS,
    EXCLUDED_COLUMNS,
    IDENTITY_COLUMNS,
    PLAN_COLUMNS,
    SCAN_COLUMNS,
)

_CONTENT_BYTES = 6
_REASONS_SHOWN = 3
_LEFT_OUT = frozenset({"excluded", "quarantined", "files"})

SETTLED_NAME = "settled.tsv"

_log = logging.getLogger(__name__)


def collect_scans(  # noqa: PLR0913, PLR0917 - what Snakemake knows of a job
    plan: Path,
    files: Path,
    canonical: Path,
    scans: Path,
    excluded: Path,
    account: Path,
    statuses: Sequence[Path],
) -> None:
    """Merge the shards' status tables into `scans.tsv` and `excluded.tsv`.

    A column of the user's own takes the place of a scanner column of the same name.
    Volumes of scans that are not usable, or no longer in the plan, are deleted. Every
    input file must have ended in one state; `settled.tsv` beside `files` has them all.

    Args:
        plan: the private table that `plan_scans` wrote.
        files: the private table of files that it wrote.
        canonical: folder that `convert_scans` wrote its volumes to.
        scans: table to write: `SCAN_COLUMNS`, `IDENTITY_COLUMNS`, the user's columns.
        excluded: table to write, with `EXCLUDED_COLUMNS`.
        account: table to write, with `ACCOUNT_COLUMNS`: how many files ended how.
        statuses: tables that `convert_scans` wrote, together covering the plan.

    Raises:
        StageError: a candidate is missing or appears twice, the files do not add up,
            no scan is usable, or `canonical` is no folder of `convert_scans`.
    """
    planned = read_table(plan, required=PLAN_COLUMNS)
    converted = [
        row for path in statuses for row in read_table(path, required=CONVERTED_COLUMNS)
    ]
    _check_cover(planned, converted)
    judged = _without_twins(converted)
    usable = [row for row in judged if row["state"] != "failed"]
    left = [row for row in judged if row["state"] == "failed"] + [
        row | {"scan": "", "reason": unpack(row)["reason"]}
        for row in planned
        if row["kind"] in _LEFT_OUT
    ]
    if len(usable) + len(left) != len(planned):
        raise StageError("scans and exclusions do not add up to the plan; plan again")
    left.sort(key=lambda row: (row["scan"] == "", row["scan"], row["where"]))
    _account(files, judged, account)
    write_table(excluded, left, EXCLUDED_COLUMNS)
    prune(canonical, _files_of(usable))
    clear_leftovers([*statuses, scans, excluded, account])
    shutil.rmtree(files.with_name(UNPACKED_FOLDER), ignore_errors=True)
    if not usable:
        raise StageError(_nothing_usable(left))
    _write_scans(usable, scans)
    write_bids_tables(canonical, read_table(scans))
    _log.info("%d usable scans, %d exclusions", len(usable), len(left))


def _account(files: Path, judged: Sequence[Row], account: Path) -> None:
    """Settle every input file and write how many ended how."""
    settled = settle_files(read_table(files, required=FILE_COLUMNS), judged)
    write_table(files.with_name(SETTLED_NAME), settled, SETTLED_COLUMNS)
    write_table(account, count_files(settled), ACCOUNT_COLUMNS)


def _check_cover(planned: Sequence[Row], converted: Sequence[Row]) -> None:
    """Compare the candidates of the plan with those that were converted."""
    wanted = Counter(
        row["scan"] for row in planned if row["kind"] in {"nifti", "dicom"}
    )
    got = Counter(row["scan"] for row in converted)
    if missing := wanted - got:
        raise StageError(
            f"{missing.total()} candidates of the plan have no status; run convert for "
            "every shard"
        )
    if extra := got - wanted:
        raise StageError(
            f"{extra.total()} status rows are not in the plan, or there twice; give "
            "the tables of one run of convert"
        )


def _without_twins(converted: Sequence[Row]) -> list[Row]:
    """Rows of which none that is usable has the image of another.

    One image under two subjects could be trained on and tested on. Which of the two it
    belongs to cannot be known, so both fail. Copies with the same subject and label map
    say the same: the first stays.
    """
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(converted, key=lambda row: row["scan"]):
        if row["state"] != "failed":
            groups[unpack(row, "facts")["checksums"][0]].append(row)
    reasons = {}
    for same in groups.values():
        meanings = {(row["subject"], _checksum_of_label(row)) for row in same}
        for row in same[len(meanings) == 1 :] if len(same) > 1 else ():
            others = [other["where"] for other in same if other is not row]
            reasons[row["scan"]] = f"duplicate: the same image as {others[0]}; keep one"
    return [
        row | {"state": "failed", "reason": reasons[row["scan"]]}
        if row["scan"] in reasons
        else row
        for row in converted
    ]


def _checksum_of_label(row: Row) -> str:
    """Checksum of the label map of a converted scan."""
    return str(unpack(row, "facts")["checksums"][1])


def _files_of(usable: Sequence[Row]) -> set[Path]:
    """Volumes and sidecars of the usable scans, relative to the canonical folder."""
    known = [unpack(row, "facts")["known"] for row in usable]
    volumes = {Path(facts[role]) for facts in known for role in ("image", "label")}
    return volumes | {sidecar_path(volume) for volume in volumes}


def _content(row: Row) -> str:
    """One checksum of image and label map."""
    checksums = "".join(unpack(row, "facts")["checksums"]).encode()
    return hashlib.blake2b(checksums, digest_size=_CONTENT_BYTES).hexdigest()


def _write_scans(usable: Sequence[Row], scans: Path) -> None:
    """Write the table of usable scans, sorted by id."""
    facts = {row["scan"]: unpack(row, "facts") for row in usable}
    own = list(dict.fromkeys(name for fact in facts.values() for name in fact["own"]))
    known = [*SCAN_COLUMNS, *(name for name in IDENTITY_COLUMNS if name not in own)]
    rows: list[Mapping[str, object]] = [
        row
        | {"content": _content(row)}
        | facts[row["scan"]]["known"]
        | facts[row["scan"]]["own"]
        for row in usable
    ]
    rows.sort(key=lambda row: str(row["scan"]))
    write_table(scans, rows, [*known, *own])


def _nothing_usable(left: Sequence[Row]) -> str:
    """Why there is no usable scan, in one line."""
    reasons = Counter(row["reason"] for row in left).most_common(_REASONS_SHOWN)
    text = "; ".join(f"{reason} ({count}x)" for reason, count in reasons)
    return f"no usable scan: {text or 'the input is empty'}; excluded.tsv has them all"
