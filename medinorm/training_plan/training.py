"""Possible trainings: a network, a patch and a mini-batch, and what a step costs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from medinorm.config import AutoNetworkConfig
from medinorm.config.numbers import AUTO
from medinorm.method_names import NETWORK_DECLARATIONS
from medinorm.training_plan.cohort import Size, Spacing
from medinorm.training_plan.cost import StepCost, estimate_step
from medinorm.training_plan.machine import Budget
from medinorm.training_plan.topology import (
    Topology,
    explicit_topology,
    plan_topology,
    uniform_topology,
)

_WIDEST = 320  # channels of a level, as in nnU-Net
_SHRINK = 0.85


@dataclass(frozen=True)
class Training:
    """One possible training.

    Args:
        channels: of each level.
        topology: patch, strides and kernels.
        batch_size: patches in a mini-batch.
        cost: of a step, on each device.
    """

    channels: tuple[int, ...]
    topology: Topology
    batch_size: int
    cost: StepCost


@dataclass(frozen=True)
class TrainingMaker:
    """Makes trainings of one network on one grid.

    Args:
        network: its settings; numbers in them are kept.
        spacing: of the voxels, in mm.
        budget: what training one network may take.
    """

    network: AutoNetworkConfig
    spacing: Spacing
    budget: Budget

    def make(self, width: int, extent: Size, batch_size: int) -> Training:
        """The training of a network.

        Args:
            width: channels of the first level, where the settings name none.
            extent: largest patch, in voxels.
            batch_size: patches in a mini-batch.
        """
        topology = self._topology(extent)
        channels = self._channels(width, topology.levels)
        cost = estimate_step(
            self.network.name,
            channels,
            topology,
            batch_size=-(-batch_size // self.budget.processes),
            threads=self.budget.threads,
            card=self.budget.card,
        )
        return Training(channels, topology, batch_size, cost)

    def enlarge(self, training: Training) -> Training:
        """The same with one patch more in the mini-batch of each process."""
        width, patch = training.channels[0], training.topology.patch
        return self.make(width, patch, training.batch_size + self.budget.processes)

    def _topology(self, extent: Size) -> Topology:
        """Patch, strides and kernels; those of the settings are kept."""
        network, facts = self.network, NETWORK_DECLARATIONS[self.network.name].facts
        levels = None if network.channels == AUTO else len(network.channels)
        strides = () if network.strides == AUTO else network.strides
        kernels = () if network.kernels == AUTO else network.kernels
        if strides:
            return explicit_topology(extent, strides, kernels, self.spacing)
        if "strides" not in facts["uses"]:
            return uniform_topology(extent, levels)
        planned = plan_topology(
            extent, self.spacing, levels, least=facts.get("levels", 2)
        )
        return replace(planned, kernels=kernels) if kernels else planned

    def _channels(self, width: int, levels: int) -> tuple[int, ...]:
        """Channels that double from level to level."""
        if self.network.channels != AUTO:
            return self.network.channels
        doubles = NETWORK_DECLARATIONS[self.network.name].facts.get("doubles")
        doubled = (width * 2**level for level in range(levels))
        return tuple(doubled if doubles else (min(_WIDEST, n) for n in doubled))


def shrink_patches(largest: Size, spacing: Spacing, least: int) -> Iterator[Size]:
    """A patch and smaller ones: the axis that is longest in mm shrinks first.

    Args:
        largest: the first, in voxels.
        spacing: in mm.
        least: voxels along an axis below which none shrinks.

    Examples:
        >>> list(shrink_patches((40, 34, 10), (1.0, 1.0, 4.0), 32))
        [(40, 34, 10), (34, 34, 10)]
    """
    extent = list(largest)
    while True:
        yield extent[0], extent[1], extent[2]
        able = [axis for axis in range(3) if int(extent[axis] * _SHRINK) >= least]
        if not able:
            return
        longest = max(able, key=lambda axis: extent[axis] * spacing[axis])
        extent[longest] = int(extent[longest] * _SHRINK)
