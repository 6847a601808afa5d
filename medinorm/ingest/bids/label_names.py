"""The tables in which a data set says what the values of its label maps mean."""

import logging
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from medinorm.errors import StageError
from medinorm.files.names import meaning_of
from medinorm.files.user_tables import read_user_table

_CALLED = "dseg.tsv"
_NAMES = ("name", "abbreviation")

_log = logging.getLogger(__name__)


def read_label_names(path: Path) -> dict[int, frozenset[str]]:
    """The names of each value, as they are compared: name and abbreviation.

    Args:
        path: the table, with columns `index` and `name`.

    Raises:
        StageError: it cannot be read, or lacks a column.

    References:
        BIDS specification 1.10.0, "Common image-derived labels".
    """
    names: dict[int, set[str]] = defaultdict(set)
    for row in read_user_table(path, ("index", "name"), called=_CALLED):
        index = row.cells["index"].removesuffix(".0")
        if index.isascii() and index.isdigit():
            own = (row.cells.get(column, "") for column in _NAMES)
            names[int(index)].update(meaning_of(text) for text in own if text)
    return {value: frozenset(own) for value, own in names.items()}


def compare_label_names(path: Path, label_values: Mapping[int, str]) -> str:
    """Why a table contradicts the names that the study gives to values, or nothing.

    Names are compared without capitals and kinds of blanks. A name that only one side
    has is no contradiction, as the study may call a structure by another word; the log
    says so.

    Args:
        path: the table.
        label_values: value and name, as the study has them.
    """
    try:
        names = read_label_names(path)
    except StageError as error:
        return str(error)
    values: dict[str, set[int]] = defaultdict(set)
    for value, name in label_values.items():
        values[meaning_of(name)].add(value)
    for value, own in sorted(names.items()):
        for name in sorted(own & values.keys()):
            if value not in values[name]:
                ours = min(values[name])
                return (
                    f"{_CALLED} gives the name {label_values[ours]!r} to value "
                    f"{value}, and input.label_values to {ours}; correct "
                    "input.label_values"
                )
    _tell_others(names, label_values)
    return ""


def _tell_others(
    names: Mapping[int, frozenset[str]], label_values: Mapping[int, str]
) -> None:
    """Say which values have another name, which may mean something else."""
    others = [
        value
        for value, name in sorted(label_values.items())
        if names.get(value) and meaning_of(name) not in names[value]
    ]
    if others:
        _log.warning(
            "%s names values otherwise than input.label_values: %s; make sure that "
            "both mean the same",
            *(_CALLED, ", ".join(map(str, others))),
        )
