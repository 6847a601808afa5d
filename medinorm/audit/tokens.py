"""The many forms in which a known identifier may be written down."""

import base64
import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from urllib.parse import quote

# Shorter ones occur in any binary file by chance.
SHORTEST = 4
# A short name is a part of many words ("bell" in "labelled"), so it must stand alone.
_WORD = 6
_BASE64 = 8  # characters that base64 must share with others of any alignment

_DATE_FORMS = (
    *("{y}{m:02}{d:02}", "{y}-{m:02}-{d:02}", "{y}/{m:02}/{d:02}"),
    *("{y}.{m:02}.{d:02}", "{y}_{m:02}_{d:02}", "{d:02}{m:02}{y}", "{m:02}{d:02}{y}"),
    *("{d:02}.{m:02}.{y}", "{d:02}/{m:02}/{y}", "{d:02}-{m:02}-{y}", "{d}.{m}.{y}"),
    *("{m:02}/{d:02}/{y}", "{m:02}-{d:02}-{y}", "{m}/{d}/{y}", "{d}/{m}/{y}"),
    *("{d} {name} {y}", "{d:02} {name} {y}", "{name} {d}, {y}", "{name} {d:02}, {y}"),
    *("{d} {short} {y}", "{d:02} {short} {y}", "{short} {d}, {y}"),
    *("{d:02}-{short}-{y}", "{d:02}{short}{y}"),
)
_DATES = (
    r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)",
    r"(?P<y>\d{4})[-/._](?P<m>\d{1,2})[-/._](?P<d>\d{1,2})",
    r"(?P<d>\d{1,2})[-/._](?P<m>\d{1,2})[-/._](?P<y>\d{4})",
    r"(?P<m>\d{1,2})[-/._](?P<d>\d{1,2})[-/._](?P<y>\d{4})",
)
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)


@dataclass(frozen=True)
class Pattern:
    """Bytes that show that a token is there.

    Args:
        content: what to look for, its ASCII letters in lower case.
        line: number of the token's line in the list, from 1.
        alone: whether no letter may stand before or behind it.
    """

    content: bytes
    line: int
    alone: bool


def read_patterns(lines: Iterable[str]) -> tuple[list[Pattern], list[int]]:
    """All patterns for a list of tokens, one a line; empty lines do not count.

    Returns:
        The patterns, and the lines whose token is too short to be searched for.
    """
    patterns: dict[tuple[bytes, int], Pattern] = {}
    short = []
    for number, line in enumerate(lines, 1):
        token = line.strip()
        if not token:
            continue
        spelled = [
            Pattern(content, number, alone and len(content) < _WORD)
            for text, alone in forms(token)
            for content in encodings(text)
            if len(content) >= SHORTEST
        ]
        if not spelled:
            short.append(number)
        for pattern in spelled:
            patterns.setdefault((pattern.content, number), pattern)
    return list(patterns.values()), short


def forms(token: str) -> Iterator[tuple[str, bool]]:
    """Texts that say the same as a token, and whether each must stand alone.

    A DICOM name is also searched for by its components, a date in other notations.

    Examples:
        >>> texts = set(forms("Smith^John"))
        >>> ("smith", True) in texts, ("johnsmith", False) in texts
        (True, True)
        >>> ("03.02.1951", False) in set(forms("19510203"))
        True
    """
    texts = {token, *_parts(token)}
    for text in sorted(texts):
        for spelled in _spellings(text):
            if len(spelled) >= SHORTEST:
                yield spelled, spelled.isalpha() and len(spelled) < _WORD
    for written in sorted(set(_dates(token))):
        yield written, False


def encodings(text: str) -> Iterator[bytes]:
    """The bytes of a text in the encodings and escapes of usual files, lower case.

    Examples:
        >>> "doe1".encode("utf-16-le") in set(encodings("Doe1"))
        True
    """
    written = {text, text.lower(), text.upper(), text.title()}
    for spelled in sorted(written):
        yield spelled.encode("utf-8", "surrogateescape").lower()
        for encoding in ("latin-1", "utf-16-le", "utf-16-be"):
            try:
                yield spelled.encode(encoding).lower()
            except UnicodeEncodeError:
                continue
        if not spelled.isalnum() or not spelled.isascii():
            yield quote(spelled, errors="replace").encode().lower()
            yield json.dumps(spelled)[1:-1].encode().lower()
            yield html.escape(spelled).encode("utf-8", "replace").lower()
        yield from _in_base64(spelled)


def _parts(token: str) -> Iterator[str]:
    """The components of a DICOM name: each alone, and pairs of them joined."""
    if "^" not in token and "=" not in token:
        return
    for name in token.split("="):
        parts = [text.strip() for text in name.split("^") if text.strip()]
        yield from parts
        for first, second in pairwise(parts):
            for between in ("", " ", "_", "-", ".", ", "):
                yield f"{first}{between}{second}"
                yield f"{second}{between}{first}"


def _spellings(text: str) -> set[str]:
    """Composed, decomposed and plain letters, all in lower case."""
    lower = text.lower()
    decomposed = unicodedata.normalize("NFD", lower)
    unaccented = "".join(c for c in decomposed if not unicodedata.combining(c))
    return {lower, text, unicodedata.normalize("NFC", text), decomposed, unaccented}


def _dates(token: str) -> Iterator[str]:
    """Other ways to write a token that is a date."""
    for form in _DATES:
        match = re.fullmatch(form, token)
        if match is None:
            continue
        year, month, day = (int(match[letter]) for letter in "ymd")
        try:
            date(year, month, day)
        except ValueError:
            continue
        name = _MONTHS[month - 1]
        for written in _DATE_FORMS:
            yield written.format(y=year, m=month, d=day, name=name, short=name[:3])


def _in_base64(text: str) -> Iterator[bytes]:
    """A text in base64 at each alignment, without what its neighbours change."""
    content = text.encode("utf-8", "surrogateescape")
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + content).rstrip(b"=")
        first = -(-before * 8 // 6)
        last = (before + len(content)) * 8 // 6
        if last - first >= _BASE64:
            yield encoded[first:last].lower()
