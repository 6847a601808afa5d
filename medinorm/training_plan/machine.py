"""What this machine has: cores, memory, a graphics card; known without torch."""

import logging
import os
import shutil
import subprocess
from dataclasses import dataclass

from medinorm.config import AutoTrainConfig
from medinorm.config.numbers import AUTO

_GIB = 2**30
_MEBIBYTES = 1024  # in a GiB, as nvidia-smi counts
_MOST = 4.0  # GiB for one network on a CPU: more would train too slowly anyway
_CARD = 8.0  # GiB of a card whose size is not known

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Budget:
    """What the training of one network may take, in numbers.

    Args:
        card: whether it trains on a graphics card.
        memory: in GiB.
        minutes: of its time.
        threads: of a CPU, for each process.
        processes: that share one network, each with a device and this memory.
    """

    card: bool
    memory: float
    minutes: float
    threads: int
    processes: int = 1

    @property
    def where(self) -> str:
        """The word of the configuration."""
        return "card" if self.card else "cpu"


def read_budget(train: AutoTrainConfig) -> Budget:
    """The budget of a study, with this machine's numbers for those left to it.

    Args:
        train: the settings of training; its device decides where the budget does not.
    """
    budget, own = train.budget, measure_card()
    card = budget.where == "card"
    if budget.where == AUTO:
        card = train.device == "cuda" or (train.device == AUTO and own is not None)
    if budget.memory != AUTO:
        memory = budget.memory
    elif card:
        memory = _CARD if own is None else own
    else:
        memory = memory_of_core() * train.threads
    return Budget(card, memory, budget.minutes, train.threads, train.processes)


def memory_of_core() -> float:
    """Memory of this machine for each of its cores, in GiB, in steps of a quarter."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    each = pages * size / _GIB / (os.cpu_count() or 1)
    return min(_MOST, max(1.0, int(each * 4) / 4))


def measure_card() -> float | None:
    """Memory of the smallest graphics card here, in GiB; none without one."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return None
    query = [command, "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(  # noqa: S603  (the driver's, no shell)
            query, capture_output=True, text=True, timeout=20, check=True
        )
        sizes = [float(line) for line in answer.stdout.split("\n") if line.strip()]
    except (OSError, ValueError, subprocess.SubprocessError):
        _log.info("the graphics card does not answer; the plan is for the CPU")
        return None
    return float(int(min(sizes) / _MEBIBYTES)) if sizes else None
