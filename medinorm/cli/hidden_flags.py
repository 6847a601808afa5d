"""Flags in a private file, because a command must not name patients.

Snakemake records and shows the commands that it runs and the names of input files, and
other users of a shared machine see them. Therefore the user's own tables are not input
files of rules. Instead, checksums of their content go into the name of the file with
the flags: changed tables change the command.
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
    expanded: list[str] = []
    rest = iter(words)
    for word in rest:
        flag, equals, name = word.partition("=")
        if flag != WORDS_FLAG:
            expanded.append(word)
        elif file := name if equals else next(rest, ""):
            expanded += _read_words(Path(file))
        else:
            raise ConfigError(f"{WORDS_FLAG[2:]}: give the file to read flags from")
    return expanded


def _read_words(file: Path) -> list[str]:
    """The words in a file.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return list(map(str, read_json(file)))
    except (OSError, ValueError, TypeError):
        raise ConfigError(
            f"{WORDS_FLAG[2:]}: not a JSON list that can be read"
        ) from None
