"""Processes of a job: where a launcher puts them, and how they end."""

import os
import signal

import pytest

from medinorm.errors import ConfigError, RunError, StageError
from medinorm.jobs.processes import ProcessRank, read_place, run_in_processes

SLURM = {
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
    "SLURM_NTASKS": "4",
    "SLURM_JOB_NODELIST": "node[7-8]",
    "SLURM_JOB_ID": "120042",
}


def test_one_node_needs_no_launcher():
    assert read_place(2, 1, SLURM) is None


def test_srun_says_where_a_process_is():
    assert read_place(2, 2, SLURM) == ProcessRank(3, 1, 1, 4, "node7", 15042)


@pytest.mark.parametrize(
    "environment", [{}, SLURM | {"SLURM_NTASKS": "1"}, SLURM | {"SLURM_PROCID": "x"}]
)
def test_what_is_not_started_as_it_should_names_the_remedy(environment):
    with pytest.raises(ConfigError, match="srun --nodes=2 --ntasks-per-node=2"):
        read_place(2, 2, environment)


def test_the_cause_is_raised_not_what_follows_from_it():
    def work(place):
        raise RunError("the loss") if place.rank else RuntimeError("lost its peer")

    with pytest.raises(RunError, match="the loss"):
        run_in_processes(work, 2)


def test_a_killed_process_is_a_line():
    with pytest.raises(StageError, match="ended from outside"):
        run_in_processes(lambda _place: os.kill(os.getpid(), signal.SIGKILL), 1)
