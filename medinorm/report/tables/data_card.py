"""The data card: what went in, what was left out, and that the counts add up."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import get_args

from medinorm.files.records import column_names
from medinorm.records.scans import IDENTITY_UNITS, AccountRow, Identity, Role, ScanRow
from medinorm.report.figures.svg import ABSENT
from medinorm.report.findings import ReportFindings, distinct
from medinorm.report.tables.cells import Column, Table, number, word

_MOST_VALUES = 3  # of one column that a cell spells out


# How ingest writes a group of files that belong to no scan or series.
_FILES = re.compile(r"(\d+) files?")


@dataclass(frozen=True)
class ScanCounts:
    """Every scan in exactly one state.

    Args:
        used: scans with a role in a split.
        excluded: scans and series left out, each with a reason.
        files: files that belong to no scan or series.
        lost: scans that are neither used nor left out; anything but 0 is a bug.
        reasons: how often each reason occurs, most frequent first.
    """

    used: int
    excluded: int
    files: int
    lost: int
    reasons: Sequence[tuple[str, str]]

    @property
    def candidates(self) -> int:
        """All scans and series of the input."""
        return self.used + self.excluded + self.lost


def count_scans(findings: ReportFindings) -> ScanCounts:
    """Count what became of every scan and file."""
    used = set(findings.domain_of)
    out = [row for row in findings.excluded if row.scan not in used]
    groups = [_FILES.fullmatch(row.where) for row in out]
    single = [row for row, group in zip(out, groups, strict=True) if not group]
    names = {row.scan for row in single}
    lost = {row.scan for row in findings.scans} - used - names
    reasons = Counter(row.reason for row in single).most_common()
    strays = [
        (group[0], row.reason) for row, group in zip(out, groups, strict=True) if group
    ]
    return ScanCounts(
        used=len(used),
        excluded=len({row.scan or row.where for row in single}),
        files=sum(int(group[1]) for group in groups if group),
        lost=len(lost),
        reasons=[*((str(count), reason) for reason, count in reasons), *strays],
    )


def tabulate_domains(findings: ReportFindings) -> Table:
    """One column a domain: its scans and subjects, and its scanner's identity."""
    domains = findings.domain_names
    scans_of = {
        domain: [
            row for row in findings.scans if findings.domain_of.get(row.scan) == domain
        ]
        for domain in domains
    }
    tests = {row.scan for row in findings.splits if row.role == "test"}
    counts = (
        ("Scans", [len(scans_of[name]) for name in domains]),
        (
            "Subjects",
            [len({row.subject for row in scans_of[name]}) for name in domains],
        ),
        (
            "Test scans",
            [len(tests & {row.scan for row in scans_of[name]}) for name in domains],
        ),
    )
    rows = [
        [word(head, "name"), *(word(f"{count:,}") for count in of_domains)]
        for head, of_domains in counts
    ]
    facts_of = {domain: [_facts(row) for row in scans_of[domain]] for domain in domains}
    for name in _names_of_facts(findings.scans):
        texts = (
            summarize([facts[name] for facts in facts_of[domain]]) for domain in domains
        )
        rows.append([word(_head(name), "name"), *map(word, texts)])
    columns = [Column(name, numeric=False) for name in ("Domain", *domains)]
    return Table("What was compared: the domains and their scanners.", columns, rows)


_IDENTITY = column_names(Identity)


def _facts(row: ScanRow) -> dict[str, str]:
    """The scanner's identity and the user's own columns, by name; absent is empty."""
    identity: dict[str, str | None] = asdict(row.identity)
    return {name: text or "" for name, text in (identity | dict(row.own)).items()}


def _names_of_facts(scans: Sequence[ScanRow]) -> list[str]:
    """Columns that any scan has: the scanner's identity, then the user's own."""
    facts = [_facts(row) for row in scans]
    names = facts[0] if facts else ()
    return [name for name in names if any(of_scan[name] for of_scan in facts)]


def _head(name: str) -> str:
    """A column's name as words, with its unit; the user's own as it is."""
    if name not in _IDENTITY:
        return name
    unit = f" ({IDENTITY_UNITS[name]})" if name in IDENTITY_UNITS else ""
    return name.replace("_", " ").capitalize() + unit


def summarize(values: Sequence[str]) -> str:
    """A column in few words: its values, their range, or how many there are.

    Examples:
        >>> summarize(["GE", "GE"]), summarize(["1.5", "3", "2", "7"])
        ('GE', '1.5 to 7')
        >>> summarize(["a", "b", "c", "d"]), summarize(["", "1"])
        ('4 values', '1, not given')
    """
    different = sorted({value for value in values if value})
    if not different:
        return ABSENT
    numbers = [_number_in(value) for value in different]
    if len(different) <= _MOST_VALUES:
        text = ", ".join(different)
    elif all(map(math.isfinite, numbers)):
        text = f"{min(numbers):g} to {max(numbers):g}"
    else:
        text = f"{len(different)} values"
    return text if all(values) else f"{text}, not given"


def _number_in(text: str) -> float:
    """The number that a text is; not-a-number if it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def tabulate_files(account: Sequence[AccountRow]) -> Table:
    """How many input files ended in each state, and why; the last row is all.

    Args:
        account: the table that `collect_scans` writes.
    """
    columns = [
        Column("Input files", numeric=False),
        Column("Why", numeric=False),
        Column("Files"),
    ]
    total = sum(row.files for row in account)
    rows = [
        [word(row.state, "name"), word(row.reason), number(row.files, 0)]
        for row in account
    ]
    rows.append([word("all", "name"), word(""), number(total, 0)])
    return Table("Every input file ended in exactly one state.", columns, rows)


def tabulate_excluded(findings: ReportFindings) -> Table:
    """All exclusions with their reason."""
    columns = [
        Column("Where", numeric=False),
        Column("Scan", numeric=False),
        Column("Reason", numeric=False),
    ]
    rows = [
        [word(row.where), word(row.scan), word(row.reason)] for row in findings.excluded
    ]
    return Table("Everything that was left out, and why.", columns, rows)


def count_roles(findings: ReportFindings) -> Table:
    """Scans in training, validation and test of each split."""
    columns = [
        Column("Split", numeric=False),
        Column("Design", numeric=False),
        Column("Training"),
        Column("Validation"),
        Column("Test"),
    ]
    roles = Counter((row.split, row.role) for row in findings.splits)
    design_of = {row.split: row.design for row in findings.splits}
    rows = [
        [
            word(split, "name"),
            word(design_of[split]),
            *(number(roles[split, role], 0) for role in get_args(Role)[:3]),
        ]
        for split in distinct(row.split for row in findings.splits)
    ]
    return Table("Number of scans in each split.", columns, rows)
