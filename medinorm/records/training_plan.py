"""The training plan of a study: `training_plan.json`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medinorm.errors import StageError
from medinorm.files.atomic import read_json, write_json
from medinorm.files.checksums import require_as_written, write_checksum

Triple = tuple[int, int, int]
Millimetres = tuple[float, float, float]


@dataclass(frozen=True)
class PlanFacts:
    """What a training plan rests on.

    Args:
        scans: how many train in at least one split.
        domains: how many these come from.
        median_spacing: of their voxels, in mm, along R, A and S.
        median_extent: of the scans on the grid of the plan, in voxels.
        least_extent: below which 10 % of the scans of the shallowest domain are, along
            each axis, in voxels.
        where: the plan is for a ``cpu`` or a ``card``.
        memory: for one network, in GiB.
        minutes: for one network.
        threads: of one training.
        seconds_per_step: that the plan expects.
        memory_used: that the plan expects, in GiB.
        processes: that share one training, each with a device; memory, threads and
            seconds are those of one.
    """

    scans: int
    domains: int
    median_spacing: Millimetres
    median_extent: Triple
    least_extent: Triple
    where: str
    memory: float
    minutes: float
    threads: int
    seconds_per_step: float
    memory_used: float
    processes: int = 1


@dataclass(frozen=True)
class TrainingPlan:
    """The numbers of a study that follow from its scans, each with its reason.

    Args:
        spacing: of the voxels after resampling, in mm, along R, A and S.
        patch: of training, in voxels.
        batch_size: patches in a mini-batch.
        channels: of each level of the network.
        strides: by how much each level but the last shrinks the grid.
        kernels: width of the convolutions of each level.
        steps: of the optimizer.
        foreground_ratio: share of patches centred on a labelled voxel.
        reasons: one sentence for each of these, by its name.
        facts: what they rest on.
    """

    spacing: Millimetres
    patch: Triple
    batch_size: int
    channels: tuple[int, ...]
    strides: tuple[Triple, ...]
    kernels: tuple[Triple, ...]
    steps: int
    foreground_ratio: float
    reasons: Mapping[str, str]
    facts: PlanFacts

    @property
    def levels(self) -> int:
        """Levels of the network."""
        return len(self.channels)


def write_training_plan(path: Path, plan: TrainingPlan) -> None:
    """Write a plan as JSON."""
    write_json(path, asdict(plan) | {"levels": plan.levels})
    write_checksum(path)


def read_training_plan(path: Path) -> TrainingPlan:
    """Read a plan.

    Raises:
        StageError: the file is missing, is no JSON, or lacks an entry.
    """
    require_as_written(path, called="the training plan")
    try:
        values = dict(read_json(path))
        values.pop("levels", None)
        facts = PlanFacts(**_as_tuples(values.pop("facts")))
        return TrainingPlan(**_as_tuples(values), facts=facts)
    except FileNotFoundError:
        raise StageError(
            "the training plan does not exist; run medinorm training-plan"
        ) from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise StageError(
            "the training plan is damaged, or of another version; run medinorm "
            "training-plan again"
        ) from None


def _as_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same with tuples in place of lists."""
    return {name: _as_tuple(value) for name, value in values.items()}


def _as_tuple(value: Any) -> Any:
    """A list as a tuple, those inside it too."""
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value
