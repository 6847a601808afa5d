"""The cases of a study as columns: what evidence compares and the report shows.

Evidence writes `cases.parquet`, which the report reads, and for people the same as
text, `cases.tsv`, if it has no more than `TEXT_ROWS` rows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from medinorm.columns.parquet import (
    SUFFIX,
    Column,
    column_types,
    is_absent,
    read_columns,
    write_columns,
)
from medinorm.columns.scores import (
    MEASURED,
    TEXT_ROWS,
    ScoreColumns,
    StoredNumbers,
    discard_text,
    select_numbers,
)
from medinorm.columns.words import Groups, Rows, WordColumn, group_rows
from medinorm.files.checksums import write_checksum
from medinorm.files.records import read_records
from medinorm.files.tables import write_cell, write_cells
from medinorm.records.evidence import CaseRow
from medinorm.records.metrics import PRIMARY_METRIC

NAME = f"cases{SUFFIX}"

_WORDS = ("design", "fold", "train_set", "subject", "domain")
_KEPT = {PRIMARY_METRIC, "voxels_label"}  # columns that are used again and again
_CHUNK = 10_000  # rows that become records at a time


@dataclass(frozen=True, eq=False)
class Cases:
    """Scores with what `splits.tsv` knows about each; columns as of `CaseRow`.

    Args:
        scores: the scores.
        design: of the split.
        fold: of the split.
        train_set: the split without its fold.
        subject: of the scan.
        domain: of the scan.
        in_domain: whether the network trained on this domain, ``(n,)``.
        failure: what a clinician would call the failure.
    """

    scores: ScoreColumns
    design: WordColumn[str]
    fold: WordColumn[int]
    train_set: WordColumn[str]
    subject: WordColumn[str]
    domain: WordColumn[str]
    in_domain: NDArray[np.bool_]
    failure: WordColumn[str]

    @classmethod
    def of(cls, rows: Iterable[CaseRow]) -> "Cases":
        """The columns of these rows."""
        listed = list(rows)
        words = {
            name: WordColumn.of(getattr(row, name) for row in listed)
            for name in (*_WORDS, "failure")
        }
        return cls(
            scores=ScoreColumns.of(row.score for row in listed),
            in_domain=np.array([row.in_domain for row in listed], dtype=np.bool_),
            **words,
        )

    @classmethod
    def from_table(cls, columns: Mapping[str, Any]) -> "Cases":
        """The cases whose columns in the table these are."""
        return cls(
            scores=ScoreColumns.from_table(columns),
            in_domain=columns["in_domain"],
            **{name: columns[name] for name in (*_WORDS, "failure")},
        )

    def __len__(self) -> int:
        return len(self.in_domain)

    def __iter__(self) -> Iterator[CaseRow]:
        """The cases one by one; for few of them."""
        for start in range(0, len(self), _CHUNK):
            yield from self[start : start + _CHUNK]._rows()

    @overload
    def __getitem__(self, rows: int) -> CaseRow: ...
    @overload
    def __getitem__(self, rows: Rows) -> "Cases": ...
    def __getitem__(self, rows: "int | Rows") -> "Cases | CaseRow":
        """Some of the cases; one, if `rows` is a number."""
        if isinstance(rows, int):
            (case,) = self[np.array([rows])]
            return case
        words = {name: getattr(self, name)[rows] for name in (*_WORDS, "failure")}
        scores, in_domain = self.scores[rows], self.in_domain[rows]
        return Cases(scores=scores, in_domain=in_domain, **words)

    def reorder(self, order: NDArray[np.intp]) -> "Cases":
        """The cases in another order; use only these from now on.

        Columns of numbers are moved one by one, so that none is in memory twice.
        """
        numbers = dict(self.scores.numbers)
        words = replace(self.scores, numbers={})
        moved = replace(self, scores=words)[order]
        self.scores.release()
        for name, column in numbers.items():
            numbers[name] = select_numbers(column, order)
        return replace(moved, scores=replace(moved.scores, numbers=numbers))

    def stored_in(self, folder: Path) -> "Cases":
        """The same, with those numbers in memory that all tables are made from.

        Args:
            folder: where `write_cases` wrote them.
        """
        numbers = self.scores.numbers
        kept = {
            name: numbers[name]
            for name in MEASURED
            if name in _KEPT or is_absent(numbers[name])
        }
        stored = StoredNumbers(folder / NAME, CaseRow, kept, MEASURED)
        return replace(self, scores=replace(self.scores, numbers=stored))

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Which a clinician would call a failure."""
        return ~self.failure.equals("none")

    @cached_property
    def predictions(self) -> Groups:
        """The predictions that cases are of."""
        scores = self.scores
        return group_rows(scores.split, scores.scan, scores.variant, scores.seed)

    @cached_property
    def runs(self) -> Groups:
        """The networks that predicted; an adaptation counts as one."""
        scores = self.scores
        return group_rows(scores.split, scores.variant, scores.seed)

    def to_table(self) -> dict[str, Column]:
        """The columns of the table."""
        own = {name: getattr(self, name) for name in (*_WORDS, "in_domain", "failure")}
        return self.scores.to_table() | own

    def _rows(self) -> Iterator[CaseRow]:
        """The cases one by one."""
        words = [getattr(self, name).tolist() for name in _WORDS]
        columns = *words, self.in_domain.tolist(), self.failure.tolist()
        for score, *facts in zip(self.scores.rows(), *columns, strict=True):
            yield CaseRow(score, *facts)


def write_cases(folder: Path, cases: Cases) -> None:
    """Write cases as Parquet, and as text if they are few.

    Args:
        folder: where to.
        cases: the cases.
    """
    columns = cases.to_table()
    write_columns(folder / NAME, columns, CaseRow)
    text = folder / "cases.tsv"
    if len(cases) <= TEXT_ROWS:
        _write_text(text, columns)
    else:
        discard_text(text)


def read_cases_table(folder: Path, numbers: Sequence[str] = (PRIMARY_METRIC,)) -> Cases:
    """Read the cases of a comparison; an earlier version wrote them as text only.

    Args:
        folder: of the comparison's tables.
        numbers: which columns of `MEASURED` to read; the others are absent.

    Raises:
        DamagedError: the table is not what was written; it is deleted.
        StageError: the table is missing or damaged.
    """
    table, text = folder / NAME, folder / "cases.tsv"
    if text.exists() and not table.exists():
        return Cases.of(read_records(text, CaseRow))
    left_out = {*MEASURED} - {*numbers}
    names = [name for name in column_types(CaseRow) if name not in left_out]
    return Cases.from_table(read_columns(table, CaseRow, names))


def _write_text(path: Path, columns: Mapping[str, Column]) -> None:
    """Write the columns of the table as text."""
    types = column_types(CaseRow)
    cells = [_write_cells(columns[name], kind) for name, (kind, _) in types.items()]
    write_cells(path, zip(*cells, strict=True), list(types))
    write_checksum(path)


def _write_cells(column: Column, kind: type[Any]) -> list[str]:
    """The cells of one column."""
    if isinstance(column, WordColumn):
        names = [write_cell(name) for name in column.names]
        return [names[code] for code in column.codes.tolist()]
    if kind is bool:
        return ["yes" if value else "no" for value in column.tolist()]
    form = ".0f" if kind is int else ".9g"
    return ["" if value != value else f"{value:{form}}" for value in column.tolist()]  # noqa: PLR0124 (NaN)
