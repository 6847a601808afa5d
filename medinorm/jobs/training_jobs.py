"""What a training job asks for: cores, cards, nodes, memory and time."""

from dataclasses import dataclass

from medinorm.jobs.needs import Asked, ask_for

_LOADED = 1000  # MB that a job loads: torch, MONAI, Lightning
_SLOWER = 3  # times the minutes of the budget


@dataclass(frozen=True)
class TrainingJobs:
    """The training jobs of one study.

    Args:
        threads_each: threads of a process.
        devices: processes on a node, each with a card where there are cards.
        nodes: how many nodes share a network.
        cards: whether cards are asked for.
        networks: how many a job trains, one after the other.
        minutes: budget of a network.
        memory: budget of a network in GiB of main memory, if the study names one.
    """

    threads_each: int
    devices: int
    nodes: int
    cards: bool
    networks: int
    minutes: float
    memory: float | None = None

    @property
    def threads(self) -> int:
        """The cores of one node that the training of a network uses."""
        return self.threads_each * (self.devices if self.nodes == 1 else 1)

    @property
    def resources(self) -> dict[str, int | str]:
        """Cards; and several nodes, as SLURM's executor reads them.

        `mpi` says that the command starts its own processes.
        """
        cards = self.devices * int(self.cards)
        if self.nodes == 1:
            return {"gpu": cards}
        tasks = self.devices * self.nodes
        return {"gpu": cards, "nodes": self.nodes, "tasks": tasks, "mpi": "srun"}

    def needs(self, rule: str) -> dict[str, Asked]:
        """Memory and time, with room for a machine that is slower than the plan's.

        Args:
            rule: that trains.
        """
        memory = 0.0 if self.memory is None else 1024 * self.memory + _LOADED
        return ask_for(
            rule, memory=memory, minutes=_SLOWER * self.minutes * self.networks
        )

    @property
    def launch(self) -> str:
        """What stands before the command where several nodes share it."""
        if self.nodes == 1:
            return ""
        return (
            f"srun --nodes={self.nodes} --ntasks={self.devices * self.nodes} "
            f"--ntasks-per-node={self.devices} --kill-on-bad-exit "
        )
