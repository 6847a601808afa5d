"""The training-plan stage: one plan for all variants and domains of a study."""

import logging
from pathlib import Path

from medinorm.config import AutoTrainConfig, GridConfig
from medinorm.files.records import read_records
from medinorm.jobs.declare import stage
from medinorm.records.scans import SplitRow, read_scans
from medinorm.records.training_plan import write_training_plan
from medinorm.training_plan.cohort import read_cohort
from medinorm.training_plan.machine import read_budget
from medinorm.training_plan.planner import plan_training

_log = logging.getLogger(__name__)


@stage("training-plan", after="split")
def write_plan(
    scans: Path,
    canonical: Path,
    splits: Path,
    training_plan: Path,
    *,
    grid: GridConfig,
    train: AutoTrainConfig,
) -> None:
    """Plan spacing, patch, network and steps from the scans that train.

    Only headers are read, and only of scans that train in at least one split: no label
    map, no scan that only tests. Each domain counts equally. A number in the
    configuration is kept, and all else fits to it.

    Args:
        scans: `scans.tsv`.
        canonical: folder to which its paths are relative.
        splits: `splits.tsv`.
        training_plan: the plan to write, JSON.
        grid: the voxel spacing, where the study names one.
        train: the settings of training, with its budget.

    Raises:
        DamagedError: a canonical image is damaged or lost.
        StageError: no scan trains.
    """
    cohort = read_cohort(read_scans(scans, canonical), read_records(splits, SplitRow))
    plan = plan_training(cohort, grid.spacing, train, read_budget(train))
    write_training_plan(training_plan, plan)
    _log.info(
        "training plan: patch %s, %d patches a step, %d steps of about %.2g s",
        " x ".join(map(str, plan.patch)),
        plan.batch_size,
        plan.steps,
        plan.facts.seconds_per_step,
    )
