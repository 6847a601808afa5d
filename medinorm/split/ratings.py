"""Scans that were rated bad on the quality page: no split uses them."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from medinorm.errors import StageError
from medinorm.files.user_tables import TableRow, present, read_user_table

RATED_BAD = "rated bad on the quality page (split.ratings)"
"""Why such a scan is not used."""

_KEY = "split.ratings"
_RATINGS = ("good", "usable", "bad")


class _Rated(NamedTuple):
    """One rating and where it stands."""

    scan: str
    rating: str
    place: str


def find_rated_bad(tables: Sequence[Path], known: Collection[str]) -> set[str]:
    """The scans that some table rates bad.

    A row with a note and no rating says nothing. A scan may be rated twice, by two
    people or on two pages, if the ratings agree: which of two would be meant cannot be
    known.

    Args:
        tables: ratings as the quality page saves them, columns `scan` and `rating`.
        known: the scans that may be rated.

    Returns:
        Ids of the scans; nothing without tables.

    Raises:
        StageError: a table cannot be read, has no rating, rates a scan that is not
            among `known` or has another word for a rating; two ratings of one scan
            differ. The message has the line, never what stands there.
    """
    rated: dict[str, _Rated] = {}
    for number, table in enumerate(tables, start=1):
        name = _KEY if len(tables) == 1 else f"{_KEY}, table {number}"
        ratings = list(_read_ratings(table, name))
        _refuse_unknown(ratings, known)
        for own in ratings:
            first = rated.setdefault(own.scan, own)
            if first.rating != own.rating:
                raise StageError(
                    f"{own.place}: rates a scan as {own.rating} that {first.place} "
                    f"rates as {first.rating}; agree on one rating"
                )
    return {own.scan for own in rated.values() if own.rating == "bad"}


def _read_ratings(table: Path, name: str) -> Iterator[_Rated]:
    """The ratings of one table, at least one.

    Raises:
        StageError: the table is refused.
    """
    rows = read_user_table(table, ("scan", "rating"), called=name)
    ratings = [rated for row in rows if (rated := _read_rating(row, name))]
    if not ratings:
        raise StageError(
            f"{name}: the table has no rating; rate scans on the quality page and save "
            f"the ratings again, or take the table out of {_KEY}"
        )
    yield from ratings


def _read_rating(row: TableRow, name: str) -> _Rated | None:
    """The rating in one row, if it has one.

    Raises:
        StageError: the row cannot be understood.
    """
    place = f"{name}, line {row.line}"
    if row.problem:
        raise StageError(f"{place}: {row.problem}")
    scan, rating = (present(row.cells[column]) for column in ("scan", "rating"))
    if not rating:
        return None
    if rating.lower() not in _RATINGS:
        raise StageError(
            f"{place}: the rating is none of {', '.join(_RATINGS)}; write one of "
            "these, or leave it empty"
        )
    if not scan:
        raise StageError(f"{place}: a rating of no scan; fill in the column scan")
    return _Rated(scan, rating.lower(), place)


def _refuse_unknown(ratings: Sequence[_Rated], known: Collection[str]) -> None:
    """Check that all scans are of the study: one rated bad must not stay in use.

    Raises:
        StageError: a scan is not.
    """
    unknown = [own for own in ratings if own.scan not in known]
    if not unknown:
        return
    if len(unknown) == len(ratings) > 1:
        raise StageError(
            f"{unknown[0].place.rpartition(',')[0]}: none of its {len(ratings)} scans "
            "is in this study; give the table that this study's quality page saved"
        )
    more = f" [and {len(unknown) - 1} more]" if len(unknown) > 1 else ""
    raise StageError(
        f"{unknown[0].place}: there is no such scan in this study; write its name as "
        f"the quality page does, or delete the line{more}"
    )
