"""Progress of long work: a bar in a terminal, a line from time to time in a log."""

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")

_SECONDS_BETWEEN_LINES = 30.0

_log = logging.getLogger(__name__)


def track(items: Sequence[T], title: str) -> Iterator[T]:
    """Go through `items` and report the progress.

    Args:
        items: what to go through.
        title: what is being done.
    """
    if sys.stderr.isatty():
        yield from tqdm(items, desc=title, leave=False)
        return
    started = logged = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if now - logged > _SECONDS_BETWEEN_LINES:
            logged = now
            left = _time_left(now - started, done, len(items))
            _log.info("%s: %d of %d%s", title, done, len(items), left)
        yield item
    _log.info("%s: %d of %d", title, len(items), len(items))


def _time_left(seconds: float, done: int, items: int) -> str:
    """How long the rest takes at the pace so far, in words; nothing before the first.

    Examples:
        >>> _time_left(60.0, 10, 40), _time_left(60.0, 1, 120), _time_left(1.0, 0, 9)
        (', about 3 min left', ', about 2.0 h left', '')
    """
    if not done:
        return ""
    minutes = seconds / done * (items - done) / 60
    shown = f"{minutes / 60:.1f} h" if minutes >= 90 else f"{max(minutes, 1):.0f} min"
    return f", about {shown} left"
