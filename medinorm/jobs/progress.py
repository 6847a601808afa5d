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
    logged = time.monotonic()
    for done, item in enumerate(items):
        if time.monotonic() - logged > _SECONDS_BETWEEN_LINES:
            logged = time.monotonic()
            _log.info("%s: %d of %d", title, done, len(items))
        yield item
    _log.info("%s: %d of %d", title, len(items), len(items))
