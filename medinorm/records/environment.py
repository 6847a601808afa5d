"""What a study ran with: `environment.json` beside the tables of the comparison."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medinorm.errors import StageError
from medinorm.files.atomic import read_json, write_json
from medinorm.files.checksums import require_as_written, write_checksum


@dataclass(frozen=True)
class Environment:
    """The circumstances of a study. What is not known is empty or ``None``.

    Args:
        date: when the comparison was made, UTC, ISO 8601.
        version: of medinorm.
        commit: of its source, where it is a clone or was installed from one.
        software: versions by name of the distribution.
        system: operating system and Python.
        processor: model of the CPU of the machine that made the comparison.
        cores: how many it has.
        memory_gib: its memory.
        cards: models of its graphics cards.
        configuration: the settings of the study; private entries are not shown.
        configuration_hash: of these, BLAKE2b with 128 bits.
    """

    date: str
    version: str
    commit: str | None
    software: Mapping[str, str]
    system: str
    processor: str
    cores: int | None
    memory_gib: float | None
    cards: tuple[str, ...]
    configuration: Mapping[str, Any]
    configuration_hash: str


def write_environment(path: Path, environment: Environment) -> None:
    """Write the circumstances of a study as JSON."""
    write_json(path, asdict(environment))
    write_checksum(path)


def read_environment(path: Path) -> Environment | None:
    """Read the circumstances of a study; ``None`` if they were not recorded.

    Raises:
        StageError: the file is damaged or of another version.
    """
    if not path.exists():
        return None
    require_as_written(path)
    try:
        values = read_json(path)
        return Environment(**values | {"cards": tuple(values["cards"])})
    except (AttributeError, KeyError, TypeError, ValueError):
        raise StageError(
            f"{path.name}: damaged, or of another version; run environment again"
        ) from None
