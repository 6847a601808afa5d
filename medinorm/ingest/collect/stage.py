"""The account of ingest: usable scans, excluded ones, and that none is missing."""

import hashlib
import logging
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from medinorm.errors import StageError
from medinorm.files.atomic import clear_leftovers
from medinorm.files.records import read_records, write_records
from medinorm.files.sidecars import sidecar_path
from medinorm.ingest.bids.tables import write_bids_tables
from medinorm.ingest.collect.accounting import (
    SettledRow,
    count_files,
    settle_files,
)
from medinorm.ingest.collect.prune import prune
from medinorm.ingest.convert.stage import UNPACKED_FOLDER
from medinorm.ingest.plan.candidates import Plan, read_files, read_plan
from medinorm.jobs.declare import stage
from medinorm.records.exclusions import (
    keep_exclusions,
    main_reasons,
    write_exclusions,
)
from medinorm.records.scans import AccountRow, ExcludedRow, ScanRow
from medinorm.records.status import ConvertStatus, Facts

_CONTENT_BYTES = 6

SETTLED_NAME = "settled.tsv"

_log = logging.getLogger(__name__)


@stage("collect", after="convert")
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
        plan: the private table that `medinorm plan` wrote.
        files: the private table of files that it wrote.
        canonical: folder that `medinorm convert` wrote its volumes to.
        scans: table to write.
        excluded: table to write.
        account: table to write: how many files ended how.
        statuses: tables that `medinorm convert` wrote, together covering the plan.

    Raises:
        StageError: a candidate is missing or appears twice, the files do not add up,
            no scan is usable, or `canonical` is no folder of `convert_scans`.
    """
    planned = read_plan(plan)
    converted = [row for path in statuses for row in read_records(path, ConvertStatus)]
    _check_cover(planned, converted)
    judged = _without_twins(converted)
    usable = _usable(judged)
    left = _left_out(planned, judged)
    if len(usable) + len(left) != len(planned.candidates) + len(planned.left_out):
        raise StageError("scans and exclusions do not add up to the plan; plan again")
    _account(files, judged, account)
    write_exclusions(excluded, left)
    prune(canonical, _files_of(facts for _, facts in usable.values()))
    clear_leftovers([*statuses, scans, excluded, account])
    shutil.rmtree(files.with_name(UNPACKED_FOLDER), ignore_errors=True)
    if not usable:
        text = main_reasons(left) or "the input is empty"
        raise StageError(f"no usable scan: {text}{keep_exclusions(excluded, left)}")
    rows = [_scan_row(*usable[scan]) for scan in sorted(usable)]
    write_records(scans, rows, ScanRow)
    write_bids_tables(canonical, read_records(scans, ScanRow))
    unlabelled = sum(row.label is None for row in rows)
    text = f" ({unlabelled} of them without a label map)" if unlabelled else ""
    _log.info("%d usable scans%s, %d exclusions", len(usable), text, len(left))


def _account(files: Path, judged: Sequence[ConvertStatus], account: Path) -> None:
    """Settle every input file and write how many ended how."""
    settled = settle_files(read_files(files), judged)
    write_records(files.with_name(SETTLED_NAME), settled, SettledRow)
    write_records(account, count_files(settled), AccountRow)


def _check_cover(planned: Plan, converted: Sequence[ConvertStatus]) -> None:
    """Compare the candidates of the plan with those that were converted."""
    wanted = Counter(candidate.scan for candidate in planned.candidates)
    got = Counter(row.scan for row in converted)
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


def _without_twins(converted: Sequence[ConvertStatus]) -> list[ConvertStatus]:
    """The rows, in which usable scans that share an image have failed.

    One image under two subjects could be trained on and tested on. Which of the two it
    belongs to cannot be known, so both fail. Copies with the same subject and label map
    agree: the first stays. A copy without a label map agrees with those that have one.
    """
    groups: dict[str, list[tuple[ConvertStatus, str]]] = defaultdict(list)
    for _, (row, facts) in sorted(_usable(converted).items()):
        image, label = facts.checksums
        groups[image].append((row, label))
    reasons = {}
    for same in groups.values():
        same.sort(key=lambda pair: not pair[1])  # those with a label map first
        subjects = {row.subject for row, _ in same}
        agree = len(subjects) == len({label for _, label in same if label} or {""}) == 1
        for row, _ in same[agree:] if len(same) > 1 else ():
            others = [other.where for other, _ in same if other is not row]
            reasons[row.scan] = f"duplicate: the same image as {others[0]}; keep one"
    return [
        replace(row, state="failed", reason=reasons[row.scan])
        if row.scan in reasons
        else row
        for row in converted
    ]


def _usable(
    converted: Sequence[ConvertStatus],
) -> dict[str, tuple[ConvertStatus, Facts]]:
    """The candidates that can be used with what is known of them, by scan."""
    return {
        row.scan: (row, row.facts)
        for row in converted
        if row.state == "ok" and row.facts is not None
    }


def _left_out(planned: Plan, judged: Sequence[ConvertStatus]) -> list[ExcludedRow]:
    """What is not used, scans by their id first."""
    scans = [
        ExcludedRow(row.where, row.scan, row.reason or "")
        for row in judged
        if row.state == "failed"
    ]
    others = [ExcludedRow(row.where, None, row.reason) for row in planned.left_out]
    return [
        *sorted(scans, key=lambda row: (row.scan or "", row.where)),
        *sorted(others, key=lambda row: row.where),
    ]


def _files_of(usable: Iterable[Facts]) -> set[Path]:
    """Volumes and sidecars of the usable scans, relative to the canonical folder."""
    paths = (path for facts in usable for path in (facts.image, facts.label))
    volumes = {Path(path) for path in paths if path}
    return volumes | {sidecar_path(volume) for volume in volumes}


def _content(facts: Facts) -> str:
    """One checksum of image and label map."""
    checksums = "".join(facts.checksums).encode()
    return hashlib.blake2b(checksums, digest_size=_CONTENT_BYTES).hexdigest()


def _scan_row(row: ConvertStatus, facts: Facts) -> ScanRow:
    """One usable scan as a row of the table."""
    return ScanRow(
        scan=row.scan,
        subject=row.subject,
        session=row.session,
        image=facts.image,
        label=facts.label,
        channels=facts.channels,
        content=_content(facts),
        identity=facts.identity,
        own=facts.own,
    )
