"""What headers say of how a scan was made, beside those of the training scans."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from medinorm.records.scans import IDENTITY_UNITS, Identity

_TOLERANCE = 0.05  # of a number: nominal values are rounded
_WORDS = ("modality",)


@dataclass(frozen=True)
class Acquisition:
    """The ranges of numbers and the words in the headers of training scans.

    Args:
        ranges: lowest and highest value of each number; spacing is the smallest and
            the largest of the three.
        words: the words of each column.
    """

    ranges: Mapping[str, tuple[float, float]]
    words: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, identities: Iterable[Identity]) -> Self:
        """The summary of some scans; what no header tells is not in it."""
        known = [identity.texts for identity in identities]
        numbers = {
            name: [value for text in known for value in _numbers(text[name])]
            for name in IDENTITY_UNITS
        }
        words = {
            name: tuple(sorted({text[name] for text in known} - {""}))
            for name in _WORDS
        }
        return cls(
            {name: (min(own), max(own)) for name, own in numbers.items() if own},
            {name: own for name, own in words.items() if own},
        )

    def find_differences(self, identity: Identity) -> Iterator[str]:
        """What in the header of a scan no training scan has, in words.

        A fact that the scan or the training scans do not tell is no difference. Values
        are not repeated: in tables of users they may be anything.
        """
        texts = identity.texts
        for name, own in self.words.items():
            if texts.get(name) and texts[name] not in own:
                yield f"its {_say(name)} is not that of any training scan"
        for name, (low, high) in self.ranges.items():
            numbers = _numbers(texts.get(name, ""))
            room = _TOLERANCE * max(abs(low), abs(high))
            if any(not low - room <= value <= high + room for value in numbers):
                yield f"its {_say(name)} lies outside that of all training scans"

    def to_json(self) -> dict[str, Any]:
        """The summary as JSON values."""
        return {
            "ranges": {name: list(ends) for name, ends in self.ranges.items()},
            "words": {name: list(own) for name, own in self.words.items()},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The summary that `to_json` gave."""
        ranges = {str(k): _ends(v) for k, v in values["ranges"].items()}
        words = {str(k): tuple(map(str, v)) for k, v in values["words"].items()}
        return cls(ranges, words)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """Two numbers."""
    low, high = map(float, values)
    return low, high


def _numbers(text: str) -> list[float]:
    """The numbers of a cell, which has several with an x between them, or none.

    Examples:
        >>> _numbers("3x3x3.6"), _numbers("1.5"), _numbers("?")
        ([3.0, 3.0, 3.6], [1.5], [])
    """
    try:
        values = [float(word) for word in text.split("x")]
    except ValueError:
        return []
    return [value for value in values if math.isfinite(value)]


def _say(name: str) -> str:
    """A column in words."""
    return name.replace("_", " ")
