"""The data card: what went in, what was left out, and that the counts add up."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from medinorm.report.findings import Findings, distinct, number
from medinorm.report.svg import ABSENT
from medinorm.report.tables import Cell, Column, Table, figures, word
from medinorm.scan import IDENTITY_COLUMNS, SCAN_COLUMNS
from medinorm.tables import Row

_MOST_VALUES = 3  # of one column that a cell spells out
_UNITS = {
    "field_strength": "T",
    "repetition_time": "s",
    "echo_time": "s",
    "inversion_time": "s",
    "flip_angle": "degrees",
}


@dataclass(frozen=True)
class Account:
    """Every scan in exactly one state.

    Args:
        used: scans with a role in a split.
        excluded: scans left out, each with a reason.
        files: rows of the list of exclusions that are no scans but files.
        lost: scans that are neither; anything but 0 is a bug.
        reasons: how often each reason occurs, most frequent first.
    """

    used: int
    excluded: int
    files: int
    lost: int
    reasons: Sequence[tuple[str, int]]

    @property
    def candidates(self) -> int:
        """All scans that were found."""
        return self.used + self.excluded + self.lost


def settle(findings: Findings) -> Account:
    """Count what became of every scan."""
    used = set(findings.domain_of)
    out = [row for row in findings.excluded if row["scan"] not in used]
    named = {row["scan"] for row in out if row["scan"]}
    lost = {row["scan"] for row in findings.scans} - used - named
    reasons = Counter(row["reason"] for row in findings.excluded)
    return Account(
        used=len(used),
        excluded=len(named),
        files=sum(not row["scan"] for row in out),
        lost=len(lost),
        reasons=reasons.most_common(),
    )


def tabulate_domains(findings: Findings) -> Table:
    """Scans and subjects of each domain, and its scanner's identity."""
    shown = [name for name in IDENTITY_COLUMNS if _filled(findings.scans, name)]
    own = [
        name
        for name in (findings.scans[0] if findings.scans else ())
        if name not in (*SCAN_COLUMNS, *IDENTITY_COLUMNS)
        and _filled(findings.scans, name)
    ]
    columns = [
        Column("Domain", numeric=False),
        Column("Scans"),
        Column("Subjects"),
        Column("Test scans"),
        *(Column(_head(name), _UNITS.get(name, ""), numeric=False) for name in shown),
        *(Column(name, "own column", numeric=False) for name in own),
    ]
    rows = [
        _domain_cells(findings, domain, (*shown, *own))
        for domain in findings.domain_names
    ]
    return Table("What was compared: the domains and their scanners.", columns, rows)


def _domain_cells(
    findings: Findings, domain: str, columns: Sequence[str]
) -> list[Cell]:
    """The cells of one domain."""
    domain_of = findings.domain_of
    rows = [row for row in findings.scans if domain_of.get(row["scan"]) == domain]
    tests = {
        row["scan"]
        for row in findings.splits
        if row["role"] == "test" and row["domain"] == domain
    }
    subjects = {row["subject"] for row in rows}
    return [
        word(domain, "name"),
        *(figures(str(len(group)), 0) for group in (rows, subjects, tests)),
        *(word(summarize([row[name] for row in rows])) for name in columns),
    ]


def _filled(rows: Sequence[Row], name: str) -> bool:
    """Whether a column says anything."""
    return any(row[name] for row in rows)


def _head(name: str) -> str:
    """A column's name as words."""
    return name.replace("_", " ").capitalize()


def summarize(values: Sequence[str]) -> str:
    """A column in few words: its values, their range, or how many there are.

    Examples:
        >>> summarize(["GE", "GE"]), summarize(["1.5", "3", "2", "7"])
        ('GE', '1.5 to 7')
        >>> summarize(["a", "b", "c", "d"]), summarize(["", "1"])
        ('4 values', '1, not given')
    """
    found = sorted({value for value in values if value})
    if not found:
        return ABSENT
    numbers = [number(value) for value in found]
    if len(found) <= _MOST_VALUES:
        text = ", ".join(found)
    elif all(map(math.isfinite, numbers)):
        text = f"{min(numbers):g} to {max(numbers):g}"
    else:
        text = f"{len(found)} values"
    return text if all(values) else f"{text}, not given"


def tabulate_excluded(findings: Findings) -> Table:
    """All exclusions with their reason."""
    columns = [
        Column("Where", numeric=False),
        Column("Scan", numeric=False),
        Column("Reason", numeric=False),
    ]
    rows = [
        [word(row["where"]), word(row["scan"]), word(row["reason"])]
        for row in findings.excluded
    ]
    return Table("Everything that was left out, and why.", columns, rows)


def count_roles(findings: Findings) -> Table:
    """Scans in training, validation and test of each split."""
    columns = [
        Column("Split", numeric=False),
        Column("Design", numeric=False),
        Column("Training"),
        Column("Validation"),
        Column("Test"),
    ]
    roles = Counter((row["split"], row["role"]) for row in findings.splits)
    design_of = {row["split"]: row["design"] for row in findings.splits}
    rows = [
        [
            word(split, "name"),
            word(design_of[split]),
            *(
                figures(str(roles[split, role]), 0)
                for role in ("train", "validation", "test")
            ),
        ]
        for split in distinct(row["split"] for row in findings.splits)
    ]
    return Table("Number of scans in each split.", columns, rows)
