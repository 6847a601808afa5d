"""Scores as columns: how the score stage writes them, and how they are read.

A job of the score stage writes `job-0.parquet`, which evidence reads, and for people
the same as text, `job-0.tsv`, if it has no more than `TEXT_ROWS` rows. Numbers have
nine significant digits in both, so that both hold the same.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from medinorm.columns.parquet import (
    SUFFIX,
    Column,
    Numbers,
    absent,
    count_rows,
    is_absent,
    read_columns,
    write_columns,
)
from medinorm.columns.words import Rows, WordColumn
from medinorm.files.checksums import checksum_path
from medinorm.files.records import read_records, write_records
from medinorm.records.metrics import METRICS, PRIMARY_METRIC
from medinorm.records.scores import ScoreRow
from medinorm.variant import Variant

TEXT_ROWS = 200_000
"""Tables with more rows are not written as text: no spreadsheet reads them."""

MEASURED = (*METRICS, "voxels_label", "voxels_prediction", "voxel_ml")
"""Columns that are numbers, and no words."""


@dataclass(frozen=True, eq=False)
class ScoreColumns:
    """Scores, one row a label of a prediction; columns as of `ScoreRow`.

    Args:
        variant: what was compared.
        split: split that the network was trained on.
        seed: seed of its training.
        scan: the scan.
        label: value in the label map.
        state: what there was to score.
        numbers: the columns of `MEASURED` by name, ``(n,)`` each; NaN is absent.
    """

    variant: WordColumn[Variant]
    split: WordColumn[str]
    seed: WordColumn[int]
    scan: WordColumn[str]
    label: WordColumn[int]
    state: WordColumn[str]
    numbers: Mapping[str, Numbers]

    @classmethod
    def of(cls, rows: Iterable[ScoreRow]) -> "ScoreColumns":
        """The columns of these rows."""
        listed = list(rows)
        return cls(
            variant=WordColumn.of(row.variant for row in listed),
            split=WordColumn.of(row.split for row in listed),
            seed=WordColumn.of(row.seed for row in listed),
            scan=WordColumn.of(row.scan for row in listed),
            label=WordColumn.of(row.label for row in listed),
            state=WordColumn.of(row.state for row in listed),
            numbers={name: _measured(listed, name) for name in MEASURED},
        )

    @classmethod
    def from_table(cls, columns: Mapping[str, Any]) -> "ScoreColumns":
        """The scores whose columns in the table these are."""
        levels = [columns[name] for name in Variant._fields]
        return cls(
            variant=join_levels(levels),
            **{name: columns[name] for name in _WORDS},
            numbers={name: columns[name] for name in MEASURED if name in columns},
        )

    @classmethod
    def join(cls, pieces: Iterable["ScoreColumns"], number: int) -> "ScoreColumns":
        """Some scores, one below the other.

        Args:
            pieces: the scores.
            number: of all; with it no column is in memory twice.
        """
        numbers = {name: absent(number) for name in MEASURED}
        tables, start = [], 0
        for piece in pieces:
            tables.append(replace(piece, numbers={}))
            rows = slice(start, start + len(piece))
            for name in MEASURED:
                if is_absent(piece.numbers[name]):
                    continue
                if is_absent(numbers[name]):
                    numbers[name] = np.full(number, np.nan)
                numbers[name][rows] = piece.numbers[name]
            start = rows.stop
        words = {
            name: WordColumn.join([getattr(table, name) for table in tables])
            for name in ("variant", *_WORDS)
        }
        return cls(**words, numbers=numbers)

    def __len__(self) -> int:
        return len(self.label)

    def __getitem__(self, rows: Rows) -> "ScoreColumns":
        """Some of the scores; their numbers are selected when they are used."""
        words = {name: getattr(self, name)[rows] for name in ("variant", *_WORDS)}
        return ScoreColumns(**words, numbers=SelectedNumbers(self.numbers, rows))

    def release(self) -> None:
        """Let go of the numbers, which are elsewhere now."""
        if isinstance(self.numbers, dict):
            self.numbers.clear()

    @property
    def dice(self) -> Numbers:
        """Scores by the metric that variants are compared by."""
        return self.numbers[PRIMARY_METRIC]

    def to_table(self) -> dict[str, Column]:
        """The columns of the table."""
        levels = {
            name: self.variant.change(attrgetter(name)) for name in Variant._fields
        }
        words = {name: getattr(self, name) for name in _WORDS}
        return {**levels, **words, **self.numbers}

    def rows(self) -> Iterator[ScoreRow]:
        """The scores one by one; for few of them. What was not read is absent."""
        words = [getattr(self, name).tolist() for name in ("variant", *_WORDS)]
        numbers = {name: _listed(self.numbers[name]) for name in self.numbers}
        for place, (variant, *texts) in enumerate(zip(*words, strict=True)):
            known = {name: values[place] for name, values in numbers.items()}
            yield ScoreRow(
                variant,
                **dict(zip(_WORDS, texts, strict=True)),
                metrics={name: known[name] for name in METRICS if name in known},
                voxels_label=_whole(known.get("voxels_label")),
                voxels_prediction=_whole(known.get("voxels_prediction")),
                voxel_ml=known.get("voxel_ml"),
            )


class SelectedNumbers(Mapping[str, Numbers]):
    """Some rows of columns, which are selected when a column is asked for.

    Args:
        numbers: the columns.
        rows: which rows.
    """

    def __init__(self, numbers: Mapping[str, Numbers], rows: Rows) -> None:
        self._numbers, self._rows = numbers, rows

    def __getitem__(self, name: str) -> Numbers:
        return select_numbers(self._numbers[name], self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)


class StoredNumbers(Mapping[str, Numbers]):
    """Columns of a file, each read when it is asked for: all take gigabytes.

    Args:
        path: the file.
        kind: class of the records that its rows are.
        kept: columns that are in memory.
        names: all columns.
    """

    def __init__(
        self,
        path: Path,
        kind: type[Any],
        kept: Mapping[str, Numbers],
        names: Sequence[str],
    ) -> None:
        self._path, self._kind, self._kept, self._names = path, kind, kept, names

    def __getitem__(self, name: str) -> Numbers:
        if name in self._kept:
            return self._kept[name]
        if name not in self._names:
            raise KeyError(name)
        columns = read_columns(self._path, self._kind, [name], checked=False)
        numbers: Numbers = columns[name]
        return numbers

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def write_scores(path: Path, rows: Sequence[ScoreRow]) -> None:
    """Write scores as Parquet, and as text if they are few.

    Args:
        path: either of the two files; the other is beside it.
        rows: the scores.
    """
    table, text = path.with_suffix(SUFFIX), path.with_suffix(".tsv")
    columns = ScoreColumns.of(rows)
    numbers = {name: round_numbers(column) for name, column in columns.numbers.items()}
    write_columns(table, columns.to_table() | numbers, ScoreRow)
    if len(rows) <= TEXT_ROWS:
        write_records(text, rows, ScoreRow)
    else:
        discard_text(text)


def read_scores(paths: Sequence[Path]) -> ScoreColumns:
    """Read tables of scores, Parquet or text.

    Raises:
        DamagedError: a table is not what was written; it is deleted.
        StageError: a table is missing or damaged, or is another table.
    """
    texts = {
        path: ScoreColumns.of(read_records(path, ScoreRow))
        for path in paths
        if path.suffix != SUFFIX
    }
    number = sum(
        len(texts[path]) if path in texts else count_rows(path) for path in paths
    )
    pieces = (
        texts[path]
        if path in texts
        else ScoreColumns.from_table(read_columns(path, ScoreRow, checked=False))
        for path in paths
    )
    return ScoreColumns.join(pieces, number)


def discard_text(path: Path) -> None:
    """Delete a table as text of which a larger one took the place."""
    for file in (path, checksum_path(path)):
        file.unlink(missing_ok=True)


def round_numbers(numbers: Numbers) -> Numbers:
    """Numbers with nine significant digits, as a table of text has them."""
    if is_absent(numbers):
        return numbers
    return np.array([float(f"{number:.9g}") for number in numbers.tolist()])


def select_numbers(numbers: Numbers, rows: Rows) -> Numbers:
    """Some rows of a column."""
    if not is_absent(numbers):
        return numbers[rows]
    return absent(len(np.empty(len(numbers), np.bool_)[rows]))


_WORDS = ("split", "seed", "scan", "label", "state")


def _listed(numbers: Numbers) -> list[float | None]:
    """The numbers of a column; absent is ``None``."""
    return [None if math.isnan(value) else value for value in numbers.tolist()]


def _whole(number: float | None) -> int | None:
    """A number of voxels."""
    return None if number is None else int(number)


def _measured(rows: Sequence[ScoreRow], name: str) -> Numbers:
    """One column of numbers."""
    values = [
        row.metrics.get(name) if name in METRICS else getattr(row, name) for row in rows
    ]
    number = sum(value is None for value in values)
    if number == len(values):
        return absent(number)
    numbers = np.array(values, dtype=np.float64)  # None becomes NaN
    if np.isnan(numbers).sum() != number:
        raise ValueError(f"{name} is NaN; absent values are None")
    return numbers


def join_levels(levels: Sequence[WordColumn[str]]) -> WordColumn[Variant]:
    """The column of variants that have these levels."""
    shape = tuple(len(level.names) for level in levels)
    places = np.ravel_multi_index(tuple(level.codes for level in levels), shape)
    occurring, codes = np.unique(places, return_inverse=True)
    variants = [
        Variant(*(level.names[at] for level, at in zip(levels, place, strict=True)))
        for place in zip(*np.unravel_index(occurring, shape), strict=True)
    ]
    return WordColumn(tuple(variants), codes).sorted
