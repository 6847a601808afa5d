"""The stage that searches an output tree for known identifiers."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from medinorm.audit.contents import DAMAGED, open_inside
from medinorm.audit.matching import Count, Matcher
from medinorm.audit.tokens import read_patterns
from medinorm.errors import StageError
from medinorm.jobs.declare import stage

_DEPTH = 4  # containers within containers

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Hit:
    """A known identifier in one place.

    Args:
        line: of the token, in the list.
        place: path below the folder; names that hold a token are hidden.
        count: how often it occurs there.
    """

    line: int
    place: str
    count: int


@dataclass(frozen=True)
class Audit:
    """The result of a search.

    Args:
        hits: sorted by line and place.
        files: how many files were searched.
        unsearched: places that hold something damaged, encrypted or too deeply packed.
    """

    hits: Sequence[Hit]
    files: int
    unsearched: Sequence[str]


@stage("audit", after="export")
def audit_folder(folder: Path, *, known: Path) -> None:
    """Search a folder for known identifiers and say where they are, not what they are.

    Args:
        folder: what is to be shared.
        known: UTF-8 text with one identifier a line: a name (as in DICOM,
            ``Doe^John``), a number, a date, a UID.

    Raises:
        StageError: an identifier was found, something could not be searched, or the
            folder or the list is missing or empty.
    """
    tokens = _read_tokens(known)
    if not folder.is_dir():
        raise StageError("audit: the folder does not exist")
    patterns, short = read_patterns(tokens)
    for line in short:
        _log.warning("line %d: too short to be searched for", line)
    if not patterns:
        raise StageError("--known: all are too short; a search would prove nothing")
    audit = search_folder(folder, tokens)
    for hit in audit.hits:
        _log.warning("line %d: %s (%dx)", hit.line, hit.place, hit.count)
    for place in audit.unsearched:
        _log.warning("not searched to its end: %s", place)
    _log.info("audit: %d files searched", audit.files)
    if audit.hits:
        lines = len({hit.line for hit in audit.hits})
        places = len({hit.place for hit in audit.hits})
        raise StageError(
            f"{lines} known identifiers found in {places} places, see the lines above; "
            "do not share this folder"
        )
    if audit.unsearched:
        raise StageError(
            f"{len(audit.unsearched)} files cannot be searched to their end, see the "
            "lines above; remove or repair them"
        )


def search_folder(folder: Path, tokens: Sequence[str]) -> Audit:
    """Search names and contents of all files below a folder.

    Args:
        folder: what is to be searched; links are not followed.
        tokens: one identifier each; the first counts as line 1.
    """
    patterns, _ = read_patterns(tokens)
    matcher = Matcher(patterns)
    hits: Counter[tuple[int, str]] = Counter()
    unsearched = []
    files = 0
    closed: list[OSError] = []
    for path in _walk(folder, closed.append):
        name = os.fsencode(path.relative_to(folder))
        place = _masked(name, matcher)
        here = matcher.count_text(os.fsencode(path.name))
        if path.is_symlink():
            here += matcher.count_text(os.fsencode(path.readlink()))
        elif path.is_file():
            files += 1
            content = _search_file(path, matcher)
            here += content.hits
            unsearched += [] if content.whole else [place]
        for line, count in here.items():
            hits[line, place] += count
    unsearched += [
        _masked(os.fsencode(os.path.relpath(error.filename, folder)), matcher)
        for error in closed
    ]
    return Audit(
        [Hit(line, place, count) for (line, place), count in sorted(hits.items())],
        files,
        unsearched,
    )


def _read_tokens(known: Path) -> list[str]:
    """The lines of the list.

    Raises:
        StageError: it cannot be read or holds nothing.
    """
    try:
        lines = known.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise StageError(
            "--known: give a UTF-8 text file with one identifier a line"
        ) from None
    if not any(line.strip() for line in lines):
        raise StageError("--known: the list is empty; a search would prove nothing")
    return lines


def _walk(folder: Path, note: Callable[[OSError], None]) -> Iterator[Path]:
    """All files and folders, in the order of their names.

    Args:
        folder: where to begin.
        note: called with the error of each folder that may not be entered.
    """
    for parent, inner, names in os.walk(folder, onerror=note):
        inner.sort()
        yield from (Path(parent, name) for name in sorted([*inner, *names]))


def _masked(name: bytes, matcher: Matcher) -> str:
    """A relative path in which names with an identifier are hidden."""
    names = [
        "***" if matcher.count_text(own) else own.decode("utf-8", "backslashreplace")
        for own in name.split(os.sep.encode())
    ]
    shown = "/".join(names)
    return "***" if matcher.count_text(shown.encode()) else shown


def _search_file(path: Path, matcher: Matcher) -> Count:
    """What a file and the streams packed in it hold."""
    try:
        with path.open("rb") as stream:
            return _search(stream, matcher, _DEPTH)
    except OSError:
        return Count(Counter(), whole=False)


def _search(stream: BinaryIO, matcher: Matcher, depth: int) -> Count:
    """What a stream and the streams packed in it hold."""
    stream.seek(0)
    count = matcher.count(stream)
    hits, whole = count.hits, count.whole
    if not whole:
        return count
    try:
        with closing(open_inside(stream)) as inner:
            for name, packed in inner:
                if depth == 0:
                    return Count(hits, whole=False)
                hits = hits + matcher.count_text(os.fsencode(name))
                inside = _search(packed, matcher, depth - 1)
                hits = hits + inside.hits
                whole &= inside.whole
    except DAMAGED:
        whole = False
    return Count(hits, whole)
