"""How sure predictions were, as columns: written beside scores, read by evidence.

A job of the score stage writes `job-0_calibration.parquet`, and for people the same as
text, `job-0_calibration.tsv`, if it has no more than `TEXT_ROWS` rows. Bins are lists
of `BINS` numbers.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from medinorm.columns import scores as score_columns
from medinorm.columns.parquet import (
    Column,
    Numbers,
    read_columns,
    write_columns,
)
from medinorm.columns.scores import discard_text, join_levels, round_numbers
from medinorm.columns.words import WordColumn
from medinorm.errors import StageError
from medinorm.files.records import read_records, write_records
from medinorm.records.calibration import BINS, CalibrationRow, calibration_path
from medinorm.variant import Variant

_WORDS = ("split", "seed", "scan")
_BINNED = ("voxels", "correct", "confidence")


@dataclass(frozen=True, eq=False)
class CalibrationColumns:
    """Calibration, one row a prediction; columns as of `CalibrationRow`.

    Args:
        variant: what was compared.
        split: split that the network was trained on.
        seed: seed of its training.
        scan: the scan.
        voxels: in each bin, ``(n, BINS)``.
        correct: of these, with the right label, ``(n, BINS)``.
        confidence: mean of the voxels in each bin, ``(n, BINS)``.
        brier: mean squared difference of confidence and right or wrong, ``(n,)``.
    """

    variant: WordColumn[Variant]
    split: WordColumn[str]
    seed: WordColumn[int]
    scan: WordColumn[str]
    voxels: Numbers
    correct: Numbers
    confidence: Numbers
    brier: Numbers

    @classmethod
    def of(cls, rows: Iterable[CalibrationRow]) -> "CalibrationColumns":
        """The columns of these rows."""
        listed = list(rows)
        own: dict[str, Any] = {
            name: WordColumn.of(getattr(row, name) for row in listed)
            for name in ("variant", *_WORDS)
        }
        for name in _BINNED:
            bins = np.array([getattr(row, name) for row in listed], np.float64)
            own[name] = bins.reshape(-1, BINS)
        return cls(**own, brier=np.array([row.brier for row in listed], np.float64))

    @classmethod
    def from_table(cls, columns: Mapping[str, Any]) -> "CalibrationColumns":
        """The calibration whose columns in the table these are."""
        names = (*_WORDS, *_BINNED, "brier")
        levels = [columns[name] for name in Variant._fields]
        return cls(
            variant=join_levels(levels), **{name: columns[name] for name in names}
        )

    def __len__(self) -> int:
        return len(self.brier)

    def to_table(self) -> dict[str, Column]:
        """The columns of the table."""
        levels: dict[str, Column] = {
            name: self.variant.change(attrgetter(name)) for name in Variant._fields
        }
        names = (*_WORDS, *_BINNED, "brier")
        return levels | {name: getattr(self, name) for name in names}


def write_calibration(scores: Path, rows: Sequence[CalibrationRow]) -> None:
    """Write calibration as Parquet, and as text if it is little.

    Args:
        scores: the table of scores that it lies beside.
        rows: one a prediction.
    """
    table = calibration_path(scores)
    text = table.with_suffix(".tsv")
    columns = CalibrationColumns.of(rows).to_table()
    rounded = {name: _round(columns[name]) for name in ("confidence", "brier")}
    write_columns(table, columns | rounded, CalibrationRow)
    if len(rows) <= score_columns.TEXT_ROWS:
        write_records(text, rows, CalibrationRow)
    else:
        discard_text(text)


def read_calibration(scores: Sequence[Path]) -> Iterator[CalibrationColumns]:
    """The calibration beside tables of scores, where there is one.

    One table is in memory at a time: all of them would be gigabytes.

    Args:
        scores: the tables of scores; an earlier version wrote only text beside them.

    Raises:
        DamagedError: a table is not what was written; it is deleted.
        StageError: a table is damaged, or is another table.
    """
    for table in map(calibration_path, scores):
        text = table.with_suffix(".tsv")
        if table.exists():
            columns = read_columns(table, CalibrationRow)
            if columns["voxels"].shape[1] != BINS:
                raise StageError(f"{table.name}: has no {BINS} bins; score again")
            yield CalibrationColumns.from_table(columns)
        elif text.exists():
            yield CalibrationColumns.of(read_records(text, CalibrationRow))


def _round(column: Column) -> Numbers:
    """Numbers of a column, or of its lists, as a table of text has them."""
    numbers = np.asarray(column)
    return round_numbers(numbers.ravel()).reshape(numbers.shape)
