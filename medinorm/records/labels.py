"""Label values: which of them are one label, which are ignored, which are free."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from medinorm.files.atomic import read_json
from medinorm.files.names import meaning_of
from medinorm.files.sidecars import sidecar_path

LARGEST = 255  # of the values in medinorm's own label maps, which are bytes
IGNORED_KEY = "IgnoredValue"  # in the sidecar of a canonical label map

# A name too many only costs a mirror; a name too few makes left and right one label.
_SIDES = re.compile(
    r"(?<![cC])(?i:left)"  # `left_kidney`, `kidneyLeft`, `leftlung`; not `cleft`
    r"|(?<![bBfFwW])(?<!up)(?i:right)"  # not `bright`
    r"|(?<![A-Za-z])(?i:l|r|lt|rt|lh|rh)(?![A-Za-z0-9])"  # `Kidney-R`; not `L2`
    r"|(?<=[a-z])[LR](?![A-Za-z0-9])"  # `kidneyR`
    r"|(?<![A-Za-z])[LR](?=[A-Z][a-z])"  # `LHippocampus`
)


def have_sides(names: Iterable[str]) -> bool:
    """Whether a label is named left or right: a left-right mirror would mix them up.

    Examples:
        >>> have_sides(["left_kidney", "spleen"]), have_sides(["cleft"])
        (True, False)
    """
    return bool(_SIDES.search(" ".join(names)))


def values_of_names(values: Any) -> Any:
    """The forms that a user may write, as one: a name for each value.

    Anything else is returned as it is, for the check of types to refuse.

    Raises:
        ValueError: a value has two names, a name has no whole numbers as values, or
            two names differ in spelling only.

    Examples:
        >>> values_of_names({"lesion": [1, 2], 3: "cyst"})
        {1: 'lesion', 2: 'lesion', 3: 'cyst'}
    """
    if not isinstance(values, Mapping):
        return values
    names: dict[Any, Any] = {}
    for key, value in values.items():
        entries = _entries(key, value)
        if repeated := names.keys() & entries.keys():
            raise ValueError(f"value {min(repeated)} has two names; keep one")
        names |= entries
    _require_names(name for name in names.values() if isinstance(name, str))
    return names


def _entries(key: Any, value: Any) -> dict[Any, Any]:
    """What one key of the user's says: a name for each of its values.

    Raises:
        ValueError: it is a name without values.
    """
    if not _is_name(key):
        return {_as_number(key): value}
    numbers = value if isinstance(value, list | tuple) else [value]
    if not numbers:
        raise ValueError(f"label {key!r} has no values; give it one, as in [1]")
    if not all(type(number) is int for number in numbers):
        raise ValueError(
            f"label {key!r}: its values are whole numbers; give one or a list, as in "
            "[1, 2]"
        )
    return dict.fromkeys(numbers, key)


def ignored_entries(values: Any) -> Any:
    """Values and names that are ignored, numbers in the form of numbers.

    Anything but a list is returned as it is, but for a single number.
    """
    if isinstance(values, int):
        return (values,)
    if not isinstance(values, list | tuple):
        return values
    return tuple(_as_number(value) for value in values)


def _require_names(names: Iterable[str]) -> None:
    """Refuse a label without a name, and one under two spellings.

    Raises:
        ValueError: there is such a label.
    """
    spellings: dict[str, str] = {}
    for name in names:
        meaning = meaning_of(name)
        if not meaning:
            raise ValueError("a label has no name; give it one")
        if spellings.setdefault(meaning, name) != name:
            raise ValueError(
                f"label {name!r} is spelt in two ways; write it in one, or tell two "
                "labels apart"
            )


def _as_number(key: Any) -> Any:
    """A label value that is written as text, as a number."""
    return int(key) if isinstance(key, str) and not _is_name(key) else key


def _is_name(key: Any) -> bool:
    """Whether a key is no label value."""
    return isinstance(key, str) and not re.fullmatch(r"\s*[+-]?[0-9]+\s*", key)


def labels_of(label_values: Mapping[int, str]) -> dict[int, str]:
    """Value and name of each label in medinorm's own label maps.

    The value is the first one that has the name. Where one of these is above 255,
    labels are numbered from 1.

    Examples:
        >>> labels_of({2: "lesion", 1: "lesion", 7: "cyst"})
        {2: 'lesion', 7: 'cyst'}
        >>> labels_of({17: "hippocampus", 1001: "cortex", 2001: "cortex"})
        {1: 'hippocampus', 2: 'cortex'}
    """
    first: dict[str, int] = {}
    for value, name in label_values.items():
        first.setdefault(name, value)
    if max(first.values(), default=0) > LARGEST:
        return dict(enumerate(first, start=1))
    return {value: name for name, value in first.items()}


def own_values(label_values: Mapping[int, str]) -> dict[int, int]:
    """For each value of the user's label maps that of medinorm's own.

    Examples:
        >>> own_values({2: "lesion", 1: "lesion", 7: "cyst"})
        {2: 2, 1: 2, 7: 7}
    """
    value_of = {name: value for value, name in labels_of(label_values).items()}
    return {value: value_of[name] for value, name in label_values.items()}


def free_value(labels: Mapping[int, str]) -> int:
    """The largest value that no label has.

    Raises:
        ValueError: there is none.
    """
    free = set(range(1, LARGEST + 1)) - labels.keys()
    if not free:
        raise ValueError("ignore needs a value that is no label; name fewer labels")
    return max(free)


def read_ignored_value(label: Path) -> int | None:
    """The value of voxels that nobody knows the label of; ``None``: there are none.

    Args:
        label: a canonical label map.
    """
    try:
        value = read_json(sidecar_path(label))[IGNORED_KEY]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None  # a label map from elsewhere
    return int(value)
