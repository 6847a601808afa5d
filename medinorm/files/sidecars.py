"""Sidecars: what an output was made from, and whether it is still current."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from medinorm import __version__
from medinorm.errors import DamagedError
from medinorm.files.atomic import (
    checksum,
    checksum_of_values,
    read_json,
    write_json,
)

KEY = "medinorm"
_SUFFIXES = frozenset({"nii", "nii.gz", "json", "png"})  # of what has a sidecar
_SELF = "sidecar"  # checksum of all else in the sidecar


@dataclass(frozen=True)
class Provenance:
    """What one output depends on.

    Args:
        settings: every setting of the stage that made it, as JSON values.
        inputs: checksums of what went in, by role (``image``, ``label``, ``model``).
        version: version of medinorm that made it.
    """

    settings: Mapping[str, object]
    inputs: Mapping[str, str]
    version: str = field(default=__version__)

    @property
    def record(self) -> dict[str, object]:
        """What a sidecar says of it."""
        return {
            "settings": self.settings,
            "inputs": self.inputs,
            "version": self.version,
        }


def sidecar_path(output: Path) -> Path:
    """Where the sidecar of `output` lives: beside it, ending in ``.json``.

    Examples:
        >>> sidecar_path(Path("a/sub-01_T1w.nii.gz")).name
        'sub-01_T1w.json'
    """
    name = output.name.removesuffix(".gz")
    return output.with_name(Path(name).with_suffix(".json").name)


def write_sidecar(
    output: Path, provenance: Provenance, facts: Mapping[str, object] | None = None
) -> str:
    """Write the sidecar of `output` beside it, after `output` itself.

    Args:
        output: the finished file.
        provenance: what it was made from.
        facts: further entries, such as BIDS metadata.

    Returns:
        The checksum of `output`, which the sidecar records too.
    """
    digest = checksum(output)
    record = provenance.record | {"checksum": digest}
    content = dict(facts or {})
    record[_SELF] = checksum_of_values(_as_json(content | {KEY: record}))
    write_json(sidecar_path(output), content | {KEY: record})
    return digest


@contextmanager
def discarding(*outputs: Path) -> Iterator[None]:
    """Delete `outputs` and their sidecars if the block fails.

    What an earlier run made from other inputs must not be taken for a result.
    """
    try:
        yield
    except Exception:
        for output in outputs:
            sidecar_path(output).unlink(missing_ok=True)
            output.unlink(missing_ok=True)
        raise


def discard_others(folder: Path, scans: Collection[str]) -> None:
    """Delete from `folder` the images, label maps and sidecars of all other scans.

    So no file stays of a patient who was withdrawn from the study. In a folder in which
    no sidecar is ours nothing is deleted, and nowhere a file of another kind, or one
    with a sidecar of another tool.

    Args:
        folder: holds files named by a scan's id, ``_label`` and a suffix.
        scans: ids of the scans that stay.
    """
    others = [path for path in folder.glob("sub-*.*") if not _belongs(path, scans)]
    if others and any(map(_is_ours, folder.glob("sub-*.json"))):
        foreign = {path for path in others if _is_foreign(sidecar_path(path))}
        for path in others:
            if path not in foreign:
                path.unlink(missing_ok=True)


def _belongs(path: Path, scans: Collection[str]) -> bool:
    """Whether a file is of a kind that stages do not write, or of one of the scans."""
    stem, _, suffix = path.name.partition(".")
    return suffix not in _SUFFIXES or bool(
        {stem, stem.removesuffix("_label")} & {*scans}
    )


def _is_ours(sidecar: Path) -> bool:
    """Whether a sidecar says that medinorm wrote it."""
    return KEY in _read_object(sidecar)


def _is_foreign(sidecar: Path) -> bool:
    """Whether a sidecar can be read, and another tool wrote it."""
    content = _read_object(sidecar)
    return bool(content) and KEY not in content


def _read_object(path: Path) -> Mapping[str, Any]:
    """The entries of a JSON file; none, if it is lost or damaged."""
    try:
        return dict(read_json(path))
    except (FileNotFoundError, ValueError, TypeError):
        return {}


def recorded_checksum(output: Path) -> str:
    """The checksum of `output` as its sidecar records it.

    Raises:
        DamagedError: there is no sidecar, or it is damaged.
    """
    record = _read_record(output)
    if "checksum" not in record:
        raise DamagedError(f"{output.name}: its sidecar is lost or damaged")
    return str(record["checksum"])


def is_intact(output: Path) -> bool:
    """Whether `output` has the bytes that its sidecar records.

    The bytes of a file are read once, unless it has changed since.
    """
    try:
        state = output.stat()
    except OSError:
        return False
    recorded = _read_record(output).get("checksum")
    return recorded == _checksum_of(output, state.st_mtime_ns, state.st_size)


def is_current(output: Path, provenance: Provenance) -> bool:
    """Whether `output` is intact and was made from this, by this version."""
    record = _read_record(output)
    if not record:
        return False
    wanted = provenance.record
    made_from_this = all(record.get(key) == _as_json(wanted[key]) for key in wanted)
    return made_from_this and is_intact(output)


def _read_record(output: Path) -> Mapping[str, Any]:
    """What the sidecar of `output` records; nothing, if it is lost or damaged."""
    try:
        content = dict(read_json(sidecar_path(output)))
        record = dict(content[KEY])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}
    recorded = record.pop(_SELF, None)  # older ones have none
    intact = recorded in {None, checksum_of_values(content | {KEY: record})}
    return record if intact else {}


@lru_cache(maxsize=4096)
def _checksum_of(path: Path, _modified: int, _size: int) -> str:
    """The checksum of a file, read once for each version of it."""
    return checksum(path)


def _as_json(value: object) -> object:
    """`value` as JSON would give it back: tuples become lists, keys strings."""
    if isinstance(value, Mapping):
        return {str(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    return value
