"""One process at a time holds the results; a killed one holds nothing."""

import errno
import fcntl
import subprocess
import sys

import pytest

from medinorm.errors import StageError
from medinorm.workflow import lock
from medinorm.workflow.lock import LOCK_NAME, hold_results

HOLD = (
    "import sys, time, pathlib; from medinorm.workflow.lock import hold_results; "
    "hold_results(pathlib.Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
)


@pytest.fixture
def results(tmp_path, monkeypatch):
    held = []
    monkeypatch.setattr(lock, "_held", held)
    yield tmp_path / "results"
    for one in held:
        one.close()


def test_a_live_lock_stops_the_next_call_and_a_stale_one_does_not(results):
    command = [sys.executable, "-c", HOLD, str(results)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StageError, match="another snakemake works on this study"):
            hold_results(results)
        other.kill()
        other.wait()
    assert (results / LOCK_NAME).exists()
    hold_results(results)


def test_other_results_are_free(results):
    hold_results(results)
    hold_results(results.with_name("other"))
    with pytest.raises(StageError, match="works on this study now"):
        hold_results(results)


def test_a_file_system_without_locks_is_told(results, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "none")

    monkeypatch.setattr(fcntl, "flock", refuse)
    hold_results(results)
    assert "knows no locks" in caplog.text
