"""Names of segments and structures, matched with those of the study's labels."""

from collections.abc import Mapping

from medinorm.errors import LabelError


def fold_name(name: str) -> str:
    """A name without case, and with single blanks for anything but letters.

    Examples:
        >>> fold_name("Gray_Matter (L)")
        'gray matter l'
    """
    return " ".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


def values_by_name(names: Mapping[int, str]) -> dict[str, int]:
    """The label value of each folded name of the study; the first one that has it.

    Raises:
        LabelError: two names are the same when folded.
    """
    wanted: dict[str, int] = {}
    for value, name in names.items():
        wanted.setdefault(fold_name(name), value)
    if len(wanted) < len(set(names.values())):
        raise LabelError(
            "label map: two names in input.label_values differ only in case or "
            "punctuation; rename one"
        )
    return wanted
