"""Why scans are not used: the table, its main reasons, and a copy that stays."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from medinorm.files.records import write_records
from medinorm.records.scans import ExcludedRow

_REASONS_SHOWN = 3
_FILES = re.compile(r"\d+ files?")  # rows about files that belong to no scan


def write_exclusions(excluded: Path, rows: Sequence[ExcludedRow]) -> None:
    """Write the table, and delete the copy that an earlier failure left.

    Args:
        excluded: the table.
        rows: what is not used.
    """
    write_records(excluded, rows, ExcludedRow)
    kept_copy(excluded).unlink(missing_ok=True)


def keep_exclusions(excluded: Path, rows: Sequence[ExcludedRow]) -> str:
    """Write a copy of the table for the reader of an error message.

    Snakemake deletes the outputs of a job that fails, so the table itself is not there
    when the message is read.

    Args:
        excluded: where the table would be.
        rows: what is not used.

    Returns:
        Words that say where the copy is; nothing if there is nothing to read.
    """
    if not rows:
        return ""
    copy = kept_copy(excluded)
    write_records(copy, rows, ExcludedRow, checked=False)  # no stage reads it
    return f"; {copy.name}, where {excluded.name} would be, has them all"


def kept_copy(excluded: Path) -> Path:
    """Where the copy of the table is.

    Examples:
        >>> kept_copy(Path("excluded.tsv")).name
        'excluded-failed.tsv'
    """
    return excluded.with_name(f"{excluded.stem}-failed{excluded.suffix}")


def main_reasons(rows: Sequence[ExcludedRow]) -> str:
    """The most frequent reasons with their counts.

    Args:
        rows: what is not used; those about scans are told where there are any.

    Examples:
        >>> row = ExcludedRow("here", "sub-1", "empty")
        >>> main_reasons([row, row, ExcludedRow("1 file", None, "not DICOM")])
        'empty (2x)'
    """
    scans = [row for row in rows if not _FILES.fullmatch(row.where)]
    reasons = Counter(row.reason for row in scans or rows)
    shown = reasons.most_common(_REASONS_SHOWN)
    return "; ".join(f"{reason} ({count}x)" for reason, count in shown)
