"""Columns of words: each distinct word is kept once."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=Hashable)
U = TypeVar("U", bound=Hashable)

Codes = NDArray[np.integer[Any]]
Rows = Codes | NDArray[np.bool_] | slice


@dataclass(frozen=True, eq=False)
class WordColumn(Generic[T]):
    """A column of n words (or whole numbers, or other values that come again).

    Args:
        names: the distinct words, sorted; some may occur in no row.
        codes: position in `names` of the word of each row, ``(n,)``.

    Examples:
        >>> column = WordColumn.of(["b", "a", "b"])
        >>> column.names, column.codes.tolist()
        (('a', 'b'), [1, 0, 1])
    """

    names: tuple[T, ...]
    codes: Codes

    @classmethod
    def of(cls, words: Iterable[T]) -> "WordColumn[T]":
        """The column of these words."""
        listed = list(words)
        names = tuple(sorted(set(listed)))  # type: ignore[type-var]
        place = {name: code for code, name in enumerate(names)}
        return cls(names, as_codes([place[word] for word in listed], len(names)))

    @classmethod
    def join(cls, columns: Sequence["WordColumn[T]"]) -> "WordColumn[T]":
        """Some columns, one below the other."""
        names = tuple(sorted({name for one in columns for name in one.names}))  # type: ignore[type-var]
        place = {name: code for code, name in enumerate(names)}
        codes = [
            as_codes([place[name] for name in one.names], len(names))[one.codes]
            for one in columns
        ]
        return cls(names, np.concatenate(codes) if codes else as_codes([], 0))

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Rows) -> "WordColumn[T]":
        """Some rows of the column."""
        return WordColumn(self.names, self.codes[rows])

    def equals(self, word: T) -> NDArray[np.bool_]:
        """In which rows a word is."""
        if word not in self.names:
            return np.zeros(len(self.codes), dtype=np.bool_)
        return np.asarray(self.codes == self.names.index(word))

    def among(self, words: Iterable[T]) -> NDArray[np.bool_]:
        """In which rows one of several words is."""
        wanted = set(words)
        return np.array([name in wanted for name in self.names], np.bool_)[self.codes]

    @property
    def present(self) -> list[T]:
        """The words that occur, sorted."""
        return [self.names[code] for code in find_present(self.codes, len(self.names))]

    def count(self) -> dict[T, int]:
        """How often each word occurs; those that do not occur are left out."""
        counts = np.bincount(self.codes, minlength=len(self.names)).tolist()
        return {name: n for name, n in zip(self.names, counts, strict=True) if n}

    @property
    def sorted(self) -> "WordColumn[T]":
        """The column of names that may have been in any order, or equal."""
        if all(one < other for one, other in pairwise(self.names)):  # type: ignore[operator]
            return self
        return self.change(lambda word: word)

    @property
    def shortened(self) -> "WordColumn[T]":
        """The same column without the words that do not occur."""
        occurring = np.bincount(self.codes, minlength=len(self.names)) > 0
        if occurring.all():
            return self
        rank = np.cumsum(occurring) - 1
        names = tuple(
            name for name, occurs in zip(self.names, occurring, strict=True) if occurs
        )
        return WordColumn(names, as_codes(rank, len(names))[self.codes])

    def change(self, function: Callable[[T], U]) -> "WordColumn[U]":
        """The column with another word in place of each."""
        changed = [function(name) for name in self.names]
        names = tuple(sorted(set(changed)))  # type: ignore[type-var]
        place = {name: code for code, name in enumerate(names)}
        codes = as_codes([place[word] for word in changed], len(names))
        return WordColumn(names, codes[self.codes])

    def places(self, axis: Sequence[T]) -> NDArray[np.intp]:
        """Where the word of each row is on an axis that has all words that occur."""
        place = {word: position for position, word in enumerate(axis)}
        known = [place.get(name, -1) for name in self.names]
        return np.array(known, dtype=np.intp)[self.codes]

    def tolist(self) -> list[T]:
        """The word of each row."""
        return [self.names[code] for code in self.codes.tolist()]


def as_codes(codes: Sequence[int] | Codes, number: int) -> Codes:
    """Positions among `number` words, in the smallest type that holds them."""
    return np.array(codes, dtype=np.min_scalar_type(max(number - 1, 0)))


def find_present(codes: Codes, number: int) -> list[int]:
    """Which of `number` positions occur, in order."""
    return np.flatnonzero(np.bincount(codes, minlength=number)).tolist()


def count_distinct(codes: Codes) -> int:
    """How many positions occur."""
    return int(np.count_nonzero(np.bincount(codes)))


class Groups(NamedTuple):
    """Rows that have the same words, in the order of their first rows.

    Args:
        first: first row of each group, ``(G,)``.
        of_row: group of each row, ``(n,)``.
    """

    first: NDArray[np.intp]
    of_row: NDArray[np.int32]


def group_rows(*columns: WordColumn[Any]) -> Groups:
    """Group rows by the words that they have in some columns.

    Examples:
        >>> group_rows(WordColumn.of("baab"), WordColumn.of("xxyx")).of_row.tolist()
        [0, 1, 2, 0]
    """
    places, number = np.zeros(len(columns[0]), dtype=np.intp), 1
    for column in columns:
        places *= len(column.names)
        places += column.codes
        occurring = np.bincount(places, minlength=number * len(column.names)) > 0
        number = int(occurring.sum())
        places = (np.cumsum(occurring) - 1)[places]
    first = np.empty(number, dtype=np.intp)
    # Of several rows of one group, the last one written stays.
    first[places[::-1]] = np.arange(len(places))[::-1]
    order = np.argsort(first)
    rank = np.empty(number, dtype=np.int32)
    rank[order] = np.arange(number)
    return Groups(first[order], rank[places])


def average_groups(numbers: NDArray[np.float64], groups: Groups) -> NDArray[np.float64]:
    """Mean of the numbers of each group, ``(G,)``; NaN where none is known.

    Examples:
        >>> groups = group_rows(WordColumn.of("abb"))
        >>> average_groups(np.array([0.5, np.nan, 1.0]), groups).tolist()
        [0.5, 1.0]
    """
    known = ~np.isnan(numbers)
    rows, number = groups.of_row[known], len(groups.first)
    count = np.bincount(rows, minlength=number)
    total = np.bincount(rows, numbers[known], minlength=number)
    return np.asarray(total / np.where(count > 0, count, np.nan))
