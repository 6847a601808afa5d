"""JSON sidecars, as programs of all kinds write them."""

import json
from pathlib import Path
from typing import Any

from medinorm.errors import ReadError


def read_sidecar(path: Path) -> dict[str, object]:
    """The entries of a JSON sidecar.

    It is UTF-8, or UTF-16 or UTF-32, with or without a byte-order mark; what is none of
    these is Latin-1, in which some converters write names and comments.

    Args:
        path: the file.

    Raises:
        ReadError: it is no JSON, or no JSON object.
    """
    try:
        entries = _parse(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        raise ReadError("JSON sidecar: is no JSON; repair or remove it") from None
    if not isinstance(entries, dict):
        raise ReadError("JSON sidecar: is no JSON object; repair or remove it")
    return entries


def _parse(content: bytes) -> Any:
    """The JSON in a file."""
    try:
        return json.loads(content)
    except UnicodeDecodeError:
        return json.loads(content.decode("latin-1"))
