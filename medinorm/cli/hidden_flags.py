"""Flags in a private file, because a command must not name patients.

Snakemake records and shows the commands that it runs, and other users of a shared
machine see them.
"""

import hashlib
import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from medinorm.errors import ConfigError
from medinorm.files.atomic import read_json, replacing

WORDS_FLAG = "--flags-from"


def hide_flags(flags: str, folder: Path, *, because: Sequence[str] = ()) -> str:
    """Put flags into a file that only its owner may read; the flag that reads them.

    The file's name follows from its content, so that changed flags change the command.

    Args:
        flags: as `write_flags` gives them.
        folder: where to put the file, closed to others if it is made here.
        because: what else changes the command, such as checksums.
    """
    text = json.dumps(shlex.split(flags))
    digest = hashlib.blake2b("\0".join((text, *because)).encode(), digest_size=10)
    path = folder / f"{digest.hexdigest()}.json"
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.touch(mode=0o600)
            temporary.write_text(text, encoding="utf-8")
    return shlex.join([WORDS_FLAG, str(path)])


def expand_words(words: Sequence[str]) -> list[str]:
    """The words of a command line, those that `hide_flags` put into a file included.

    Raises:
        ConfigError: the file cannot be read.
    """
    if WORDS_FLAG not in words[:-1]:
        return list(words)
    place = list(words).index(WORDS_FLAG)
    try:
        hidden = list(map(str, read_json(Path(words[place + 1]))))
    except (OSError, ValueError, TypeError):
        raise ConfigError(
            f"{WORDS_FLAG[2:]}: not a JSON list that can be read"
        ) from None
    return [*words[:place], *hidden, *words[place + 2 :]]
