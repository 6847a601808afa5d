"""Files that are written whole or not at all."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it to `path` if the block succeeds.

    The temporary name keeps the suffixes of `path`, so that writers which choose a
    format by suffix still do. A killed process leaves `path` as it was.
    """
    if not path.parent.is_dir():  # to ask costs less than to make it again
        path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def clear_leftovers(targets: Iterable[Path]) -> None:
    """Delete temporary files that killed jobs left beside their outputs.

    Args:
        targets: finished files that nobody else is writing now; ``*`` stands for all in
            a folder.
    """
    for target in targets:
        # The file's own, and its checksum's (`medinorm.files.checksums`).
        for name in (target.name, f".{target.name}.checksum"):
            for path in target.parent.glob(f".*-{name}"):
                if re.match(r"\.\d+-", path.name) and path.is_file():
                    path.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON with sorted keys; not-a-number becomes null."""
    with replacing(path) as temporary:
        text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def checksum(path: Path) -> str:
    """BLAKE2b-128 of a file's bytes, as 32 hexadecimal digits."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16))
    return digest.hexdigest()


def checksum_of_values(values: object) -> str:
    """BLAKE2b-128 of JSON values, whatever the order of keys: 32 hexadecimal digits."""
    text = json.dumps(values, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
