"""The circumstances of a study, written once its comparison is made."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from medinorm import __version__
from medinorm.environment.machine import (
    describe_system,
    measure_memory,
    read_cards,
    read_commit,
    read_processor,
    read_versions,
)
from medinorm.errors import StageError
from medinorm.files.atomic import checksum_of_values
from medinorm.jobs.declare import stage
from medinorm.records.environment import Environment, write_environment


@stage("environment", after="evidence")
def record_environment(environment: Path, *, configuration: str = "{}") -> None:
    """Record software, machine and configuration, so that a study can be run again.

    The report reads this file and asks nothing itself: the same inputs give the same
    report.

    Args:
        environment: file to write, JSON.
        configuration: settings of the study that may be shown, as JSON.

    Raises:
        StageError: the configuration is no JSON object.
    """
    try:
        settings = json.loads(configuration)
    except ValueError:
        settings = None
    if not isinstance(settings, dict):
        raise StageError("configuration: give a JSON object, such as {}")
    write_environment(
        environment,
        Environment(
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            version=__version__,
            commit=read_commit(),
            software=read_versions(),
            system=describe_system(),
            processor=read_processor(),
            cores=os.cpu_count(),
            memory_gib=measure_memory(),
            cards=read_cards(),
            configuration=settings,
            configuration_hash=checksum_of_values(settings),
        ),
    )
