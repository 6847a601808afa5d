"""Processes of a job: where a launcher puts them, and how they end."""

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from medinorm.errors import ConfigError, RunError, StageError
from medinorm.jobs.processes import ProcessRank, read_place, run_in_processes

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("process_server")

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


def fail(place):
    raise RunError("the loss") if place.rank else RuntimeError("lost its peer")


def test_the_cause_is_raised_not_what_follows_from_it():
    with pytest.raises(RunError, match="the loss"):
        run_in_processes(fail, 2)


def end_from_outside(_place):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_is_a_line():
    with pytest.raises(StageError, match="ended from outside"):
        run_in_processes(end_from_outside, 1)


def tell_threads(path, _place):
    path.write_text(" ".join(thread.name for thread in threading.enumerate()))


def test_threads_of_the_job_and_their_locks_stay_behind(tmp_path):
    thread = threading.Thread(target=threading.Event().wait, name="mine", daemon=True)
    thread.start()
    run_in_processes(partial(tell_threads, tmp_path / "threads"), 1)
    assert "mine" not in (tmp_path / "threads").read_text()


def write_number_and_wait(path, _place):
    path.write_text(str(os.getpid()))
    threading.Event().wait()


JOB = """
import pathlib, sys
from functools import partial
from medinorm.jobs.processes import run_in_processes
from tests.jobs.test_processes import write_number_and_wait
if __name__ == "__main__":
    run_in_processes(partial(write_number_and_wait, pathlib.Path(sys.argv[1])), 1)
"""


def test_processes_end_with_a_killed_job(tmp_path):
    path = tmp_path / "number"
    job = subprocess.Popen([sys.executable, "-c", JOB, str(path)], cwd=ROOT)
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    job.kill()
    job.wait()
    while Path("/proc", path.read_text()).exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
