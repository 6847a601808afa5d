"""What of a DICOM header may stay, read from ``allowed_attributes.txt``."""

from collections.abc import Mapping, Sequence
from pathlib import Path


def read_lists(text: str) -> Mapping[str, Sequence[str]]:
    r"""The entries of each list, in their order.

    Args:
        text: a line that ends in a colon names a list; each other line is an entry of
            it; empty lines and those that begin with ``#`` do not count.

    Raises:
        ValueError: an entry stands before the first list, or is in its list twice.

    Examples:
        >>> read_lists("units:\n# length\nmm\num\n")
        {'units': ['mm', 'um']}
    """
    lists: dict[str, list[str]] = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if line.endswith(":"):
            lists[line.removesuffix(":")] = []
            continue
        if not lists:
            raise ValueError(f"{line} stands before the first list")
        entries = lists[list(lists)[-1]]
        if line in entries:
            raise ValueError(f"{line} is listed twice under {list(lists)[-1]}")
        entries.append(line)
    return lists


_LISTS = read_lists(Path(__file__).with_suffix(".txt").read_text(encoding="utf-8"))

# Elements and sequences by keyword.
ATTRIBUTES = frozenset(_LISTS["attributes"])
SEQUENCES = frozenset(_LISTS["sequences"])
DATES = frozenset(_LISTS["dates"])
CHARACTERISTICS = frozenset(_LISTS["characteristics"])
ALWAYS = tuple(_LISTS["always"])

# Values.
UNITS = frozenset(_LISTS["units"])
CODES = frozenset(_LISTS["codes"])
