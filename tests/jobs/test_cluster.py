"""What is asked of SLURM before a study waits for it."""

import pytest

from medinorm.errors import StageError
from medinorm.jobs import cluster
from medinorm.jobs.cluster import check_cluster

DISABLED = "echo 'Slurm accounting storage is disabled' >&2; exit 1"


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Programs that answer as those of a cluster."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def answer(**scripts):
        for name, script in scripts.items():
            path = tmp_path / name
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)

    answer(sacct="exit 0", scontrol="echo 'MinJobAge               = 300 sec'")
    return answer


@pytest.mark.usefixtures("slurm")
def test_of_a_cluster_with_accounts_nothing_is_said():
    assert check_cluster("sacct", 40) == ""
    assert check_cluster("squeue", 1000) == ""


def test_no_slurm_and_no_program_are_nothing_to_say(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert check_cluster(None, None) == ""
    assert check_cluster("squeue", None) == ""


def test_sacct_without_accounts_is_refused(slurm):
    slurm(sacct=DISABLED)
    with pytest.raises(StageError, match="--slurm-status-command squeue"):
        check_cluster("sacct", 40)


def test_squeue_without_accounts_needs_its_controller(slurm):
    slurm(sacct=DISABLED)
    assert "wait for ever" in check_cluster("squeue", None)
    assert "Ctrl-C" in check_cluster("squeue", 100)


def test_a_cluster_that_forgets_jobs_early_is_asked_early(slurm):
    slurm(sacct=DISABLED, scontrol="echo 'MinJobAge               = 60 sec'")
    with pytest.raises(StageError, match=r"before-status-checks 20$"):
        check_cluster("squeue", None)
    assert check_cluster("squeue", 20)


def test_a_database_that_does_not_answer_is_no_reason_to_wait(slurm, monkeypatch):
    monkeypatch.setattr(cluster, "_SECONDS", 0.1)
    slurm(sacct="exec sleep 5")
    assert check_cluster("sacct", 40) == ""
