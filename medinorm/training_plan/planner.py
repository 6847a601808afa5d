"""The plan: the largest training that the scans ask for and the budget allows.

Rules after nnU-Net (Isensee et al., Nature Methods 2021), with a budget of time beside
that of memory: on a CPU a network that is too large learns nothing in its minutes.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from medinorm.config import AutoTrainConfig
from medinorm.config.numbers import AUTO, Auto
from medinorm.records.training_plan import PlanFacts, TrainingPlan
from medinorm.training_plan.cohort import Cohort, Size, Spacing
from medinorm.training_plan.machine import Budget
from medinorm.training_plan.reasons import give_reasons
from medinorm.training_plan.spacing import plan_spacing
from medinorm.training_plan.training import Training, TrainingMaker, shrink_patches

LEARNS = 5_000  # steps that a network should have
ENOUGH = 20_000  # steps; what is left beyond makes mini-batches larger
_MOST = 250_000  # steps of nnU-Net
_USED = 0.8  # share of the minutes for steps; the rest is start-up and noise
_BATCH = 2
_LARGEST = 0.05  # share of all voxels that a mini-batch may show, as in nnU-Net
_SHARE = 0.33  # of patches with foreground in their middle, as in nnU-Net
_WHOLE = 0.75  # of each axis of a scan: such a patch shows nearly all of it

# Channels of the first level, and below which patch a narrower network is better: wide
# networks that see little lose against narrow ones that see more.
_WIDTHS = ((32, 96), (16, 40), (8, 32))


def plan_training(
    cohort: Cohort, spacing: Spacing | Auto, train: AutoTrainConfig, budget: Budget
) -> TrainingPlan:
    """The plan of a study.

    Args:
        cohort: the scans that train.
        spacing: of their voxels after resampling, in mm, if the study names it.
        train: the settings; a number in them is kept, and all else fits to it.
        budget: what training one network may take.
    """
    chosen, why = plan_spacing(cohort)
    grid = chosen if spacing == AUTO else spacing
    planner = Planner(cohort, grid, train, budget)
    training = planner.choose()
    ratio = planner.foreground_ratio(training)
    plan = TrainingPlan(
        spacing=grid,
        patch=training.topology.patch,
        batch_size=training.batch_size,
        channels=training.channels,
        strides=training.topology.strides,
        kernels=training.topology.kernels,
        steps=planner.steps(training),
        foreground_ratio=ratio,
        reasons={},
        facts=planner.facts(training),
    )
    return give_reasons(plan, train, None if spacing != AUTO else why)


@dataclass(frozen=True)
class Planner:
    """Chooses a training.

    Args:
        cohort: the scans that train.
        spacing: of their voxels after resampling.
        train: the settings; a number in them is kept.
        budget: what training one network may take.
    """

    cohort: Cohort
    spacing: Spacing
    train: AutoTrainConfig
    budget: Budget

    def choose(self) -> Training:
        """The training that fits the budget.

        The first of the possible ones that leaves 5,000 steps; if none does, the
        fastest. Time beyond 20,000 steps makes mini-batches larger.
        """
        options = list(self._options())
        fitting = (one for one in options if self._fits(one, LEARNS))
        chosen = next(fitting, None) or min(options, key=lambda o: o.cost.seconds)
        while self.train.batch_size == AUTO:
            larger = self._maker.enlarge(chosen)
            if not (self._fits(larger, ENOUGH) and self._is_sample(larger)):
                break
            chosen = larger
        return chosen

    def steps(self, training: Training) -> int:
        """How many steps the minutes allow, in two digits."""
        if self.train.steps != AUTO:
            return self.train.steps
        steps = min(_MOST, int(self._seconds / training.cost.seconds))
        unit: int = 10 ** max(0, len(str(steps)) - 2)
        return max(1, steps // unit * unit)

    def foreground_ratio(self, training: Training) -> float:
        """The share of patches that are centred on a labelled voxel.

        Where a patch shows nearly the whole scan it needs no help to hold foreground.
        """
        if self.train.foreground_ratio != AUTO:
            return self.train.foreground_ratio
        extent = self.cohort.median_extent(self.spacing)
        sizes = zip(training.topology.patch, extent, strict=True)
        return 0.0 if all(n >= _WHOLE * whole for n, whole in sizes) else _SHARE

    def facts(self, training: Training) -> PlanFacts:
        """What the plan rests on."""
        return PlanFacts(
            scans=len(self.cohort.headers),
            domains=len(self.cohort.domains),
            median_spacing=self.cohort.spacing_at(0.5),
            median_extent=self.cohort.median_extent(self.spacing),
            least_extent=self.cohort.least_extent(self.spacing),
            where=self.budget.where,
            memory=self.budget.memory,
            minutes=self.budget.minutes,
            threads=self.budget.threads,
            processes=self.budget.processes,
            seconds_per_step=round(training.cost.seconds, 4),
            memory_used=round(training.cost.memory, 2),
        )

    @property
    def _maker(self) -> TrainingMaker:
        return TrainingMaker(self.train.network, self.spacing, self.budget)

    @property
    def _seconds(self) -> float:
        """For the steps of one network."""
        return self.budget.minutes * 60 * _USED

    def _options(self) -> Iterator[Training]:
        """Possible trainings, the best first."""
        size = self.train.batch_size
        fewest = max(_BATCH, self.budget.processes)  # each needs a patch
        batch = round_up(fewest, self.budget.processes) if size == AUTO else size
        for width, least in _WIDTHS:
            for patch in self._patches(least):
                yield self._maker.make(width, patch, batch)

    def _patches(self, least: int) -> Iterator[Size]:
        """The largest patch, and smaller ones: none deeper than the shallow scans."""
        if self.train.patch != AUTO:
            return iter((self.train.patch,))
        largest = self.cohort.least_extent(self.spacing)
        return shrink_patches(largest, self.spacing, least)

    def _fits(self, training: Training, steps: int) -> bool:
        """Whether memory and minutes suffice."""
        wanted = steps if self.train.steps == AUTO else self.train.steps
        return (
            training.cost.memory <= self.budget.memory
            and training.cost.seconds * wanted <= self._seconds
        )

    def _is_sample(self, training: Training) -> bool:
        """Whether a mini-batch shows a small share of all voxels."""
        shown = math.prod(training.topology.patch) * training.batch_size
        voxels = self.cohort.median_voxels(self.spacing) * len(self.cohort.headers)
        return shown <= _LARGEST * voxels


def round_up(number: int, unit: int) -> int:
    """The next multiple of a unit.

    Examples:
        >>> round_up(2, 3), round_up(4, 2)
        (3, 4)
    """
    return -(-number // unit) * unit
