"""The text of a study file to start from."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

from medinorm.records.training_plan import TrainingPlan
from medinorm.training_plan.estimate import StudyCost

_WIDTH = 84  # of a comment


@dataclass(frozen=True)
class Draft:
    """What a study file says.

    Args:
        key: of the input: ``scans``, ``bids`` or ``dicom``.
        source: the table or folder.
        domain: column that tells domains apart; empty if it is not known.
        plan: what a plan from some headers would be.
        cost: of the study as it is drafted.
        read: how many headers the plan is from.
        scans: how many scans there are.
        cores: of this machine.
    """

    key: str
    source: Path
    domain: str
    plan: TrainingPlan
    cost: StudyCost
    read: int
    scans: int
    cores: int

    @property
    def text(self) -> str:
        """The file: YAML with comments."""
        return "\n".join([*self._head(), *self._study(), *self._training()]) + "\n"

    def summary(self) -> str:
        """What the study will take, in one line."""
        cost = self.cost
        return (
            f"{cost.networks} networks, {cost.jobs} jobs, about {_hours(cost.hours)} "
            f"on {self.cores} cores, about {cost.disk:.1f} GiB of disk"
        )

    def _head(self) -> Iterator[str]:
        yield "# A medinorm study. Every key that is not here has the default listed in"
        yield "# config/README.md. Lines marked CHECK need a look before the first run."
        yield "#"
        yield from (
            f"# {line}" for line in wrap(f"It takes: {self.summary()}.", _WIDTH)
        )
        yield ""

    def _study(self) -> Iterator[str]:
        source = json.dumps(str(self.source), ensure_ascii=False)
        yield "title: My study # CHECK"
        yield "input:"
        yield f"  {self.key}: {f'[{source}]' if self.key == 'dicom' else source}"
        yield "  # label_values: {1: first structure, 2: second structure} # CHECK"
        if self.domain:
            yield "split:"
            yield f"  domain: [{json.dumps(self.domain, ensure_ascii=False)}] # CHECK"
        else:
            yield "# split: {domain: [site]} # CHECK: what the question is about"
        yield "experiments:"
        yield "  intensity: [zscore]"
        yield "  norm: [batch, instance, group, layer]"
        yield "  seeds: [0, 1, 2]"

    def _training(self) -> Iterator[str]:
        plan = self.plan
        yield "harmonize:"
        yield "  spacing: auto"
        yield from self._planned("spacing", list(plan.spacing))
        yield "train:"
        yield "  budget: {minutes: 20} # for each network"
        yield f"  # What the plan would be, from the headers of {self.read} scans. The"
        yield "  # study makes its own from all that train; a number set here is kept."
        for name in ("patch", "batch_size", "steps", "foreground_ratio"):
            value = getattr(plan, name)
            yield from self._planned(
                name, list(value) if isinstance(value, tuple) else value
            )
        yield "  # network:"
        for name in ("channels", "strides", "kernels"):
            yield from self._planned(name, getattr(plan, name), indent="    ")

    def _planned(self, name: str, value: object, indent: str = "  ") -> Iterator[str]:
        """One number of the plan as a comment, with its reason."""
        for line in wrap(self.plan.reasons[name], _WIDTH - len(indent)):
            yield f"  #{indent[1:]}  {line}"
        yield f"  #{indent[1:]}{name}: {json.dumps(value)}"


def _hours(hours: float) -> str:
    """A time as people say it."""
    if hours < 1:
        return f"{max(1, round(hours * 60))} minutes"
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.0f} days"
