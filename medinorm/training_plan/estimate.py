"""What a study will take: networks, jobs, hours, disk."""

import math
from dataclasses import dataclass

from medinorm.choices import PER_SCAN_INTENSITIES
from medinorm.config import ExperimentsConfig
from medinorm.records.training_plan import TrainingPlan

_START = 5.0  # seconds until torch and MONAI are loaded and a job begins
_SCORED = 2.0  # seconds to score the predictions of a network
_HARMONIZED = 5  # bytes of a voxel: image in single precision and label map
_WEIGHT = 4  # bytes
_GIB = 2**30


@dataclass(frozen=True)
class StudyCost:
    """What a study will take.

    Args:
        networks: that are trained.
        jobs: that train, predict and score.
        hours: on this machine, all its cores at work.
        disk: in GiB.
    """

    networks: int
    jobs: int
    hours: float
    disk: float


def estimate_study(
    plan: TrainingPlan,
    experiments: ExperimentsConfig,
    *,
    scans: int,
    splits: int,
    cores: int,
    rates: int = 1,
) -> StudyCost:
    """What a study will take, by the time of a step that the plan expects.

    Args:
        plan: steps and the time of each.
        experiments: what is compared.
        scans: of the study.
        splits: of the study.
        cores: that work at once; each trains one network.
        rates: learning rates that each variant is searched among.
    """
    of_split = experiments.networks_of_split
    networks = (of_split + experiments.searched_of_split(rates)) * splits
    calls = math.ceil(len(experiments.seeds) / experiments.runs_per_job) * splits
    each = of_split // len(experiments.seeds)  # a network for each seed
    trained = each * (calls + (splits if rates > 1 else 0))
    tested = len(tuple(experiments.variants)) * calls
    jobs = trained + 2 * tested  # each prediction is scored
    used = plan.facts.threads * plan.facts.processes
    # A card trains one network after the other.
    beside = 1 if plan.facts.where == "card" else max(1, cores // used)
    stepping = networks * plan.steps * plan.facts.seconds_per_step / beside
    around = ((trained + tested) * _START + tested * _SCORED) / cores
    voxels = math.prod(plan.facts.median_extent) * scans
    copies = sum(
        1 if intensity in PER_SCAN_INTENSITIES else splits
        for intensity in experiments.intensity
    )
    disk = voxels * copies * _HARMONIZED + networks * _weights(plan) * _WEIGHT
    return StudyCost(networks, jobs, (stepping + around) / 3600, disk / _GIB)


def _weights(plan: TrainingPlan) -> int:
    """About how many weights a network has: two convolutions a level, twice."""
    widths = zip(plan.channels, plan.kernels, strict=True)
    return sum(4 * width * width * math.prod(kernel) for width, kernel in widths)
