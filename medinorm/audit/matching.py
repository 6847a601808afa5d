"""A search for many patterns at once, as fast as files can be read."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from medinorm.audit.contents import DAMAGED
from medinorm.audit.tokens import SHORTEST, Pattern

_CHUNK = 1 << 22  # bytes
_BETWEEN_WORDS = frozenset(b"\0\t\n\r" + bytes(range(32, 127))) - frozenset(
    b"abcdefghijklmnopqrstuvwxyz"
)


@dataclass(frozen=True)
class Count:
    """What a search of one stream counted.

    Args:
        hits: how often each token occurs, by its line in the list.
        whole: whether the stream could be read to its end.
    """

    hits: Counter[int]
    whole: bool


class Matcher:
    """Finds patterns in streams; letters count the same in upper and lower case.

    Two tables of byte pairs rule out nearly all places at once, so that the time hardly
    depends on the number of patterns.

    Args:
        patterns: what to look for, each of `SHORTEST` bytes or more.
    """

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._by_start: dict[bytes, list[Pattern]] = defaultdict(list)
        self._first = np.zeros(1 << 16, dtype=np.bool_)
        self._second = np.zeros(1 << 16, dtype=np.bool_)
        for pattern in patterns:
            start = pattern.content[:SHORTEST]
            self._by_start[start].append(pattern)
            self._first[start[0] | start[1] << 8] = True
            self._second[start[2] | start[3] << 8] = True
        starts = sorted(self._by_start)
        self._starts = np.frombuffer(b"".join(starts), dtype="<u4")
        longest = max((len(pattern.content) for pattern in patterns), default=SHORTEST)
        self._overlap = longest + 1  # and a byte behind, which may be a letter

    def count(self, stream: BinaryIO) -> Count:
        """How often each token occurs in the rest of a stream.

        Memory does not grow with the stream. A token across the border of two chunks
        counts once. If the stream is damaged, all before the damage is searched.
        """
        hits: Counter[int] = Counter()
        before = b"\0"  # the byte before those not yet judged
        rest = b""
        whole = True
        try:
            for chunk in _chunks(stream):
                window = rest + chunk.lower()
                judged = max(len(window) - self._overlap, 0)
                hits += self._judge(before + window, judged)
                before = window[judged - 1 : judged] if judged else before
                rest = window[judged:]
        except DAMAGED:
            whole = False
        hits += self._judge(before + rest, len(rest))
        return Count(hits, whole)

    def count_text(self, content: bytes) -> Counter[int]:
        """How often each token occurs in some bytes, by its line."""
        return self._judge(b"\0" + content.lower(), len(content))

    def _judge(self, window: bytes, judged: int) -> Counter[int]:
        """How many tokens begin in ``window[1 : judged + 1]``, by their line."""
        hits: Counter[int] = Counter()
        for place in self._candidates(window, judged):
            hits.update(
                {
                    pattern.line
                    for pattern in self._by_start[window[place : place + SHORTEST]]
                    if window.startswith(pattern.content, place)
                    and (not pattern.alone or _stands_alone(window, place, pattern))
                }
            )
        return hits

    def _candidates(self, window: bytes, judged: int) -> list[int]:
        """Places where the first bytes are those of some pattern."""
        values = np.frombuffer(window, dtype=np.uint8)
        if len(values) < SHORTEST + 1 or not self._by_start:
            return []
        pairs = values[:-1] | values[1:].astype(np.uint16) << 8
        hits: NDArray[np.bool_] = self._first[pairs[1:-2]] & self._second[pairs[3:]]
        places = np.flatnonzero(hits[:judged]) + 1
        keys = pairs[places] | pairs[places + 2].astype(np.uint32) << 16
        chosen: list[int] = places[np.isin(keys, self._starts)].tolist()
        return chosen


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Pieces of a stream; what can be read before an error comes before the error."""
    # Reads what is there: `read` would lose it if the rest is damaged.
    read = getattr(stream, "read1", stream.read)
    going = True
    while going:
        chunk = bytearray()
        try:
            while len(chunk) < _CHUNK and going:
                piece = read(_CHUNK - len(chunk))
                chunk += piece
                going = bool(piece)
        finally:
            if chunk:
                yield bytes(chunk)


def _stands_alone(window: bytes, place: int, pattern: Pattern) -> bool:
    """Whether a short word has a separator of words on both sides.

    Only characters of plain text count: this keeps chance hits in voxels rare.
    """
    after = place + len(pattern.content)
    around = window[place - 1 : place] + window[after : after + 1]
    return all(byte in _BETWEEN_WORDS for byte in around)
