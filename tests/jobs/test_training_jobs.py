"""What training jobs ask for."""

from medinorm.jobs.training_jobs import TrainingJobs

NAMES = ("mem_mb", "runtime")


def test_several_nodes_are_started_by_srun():
    one, two = (
        TrainingJobs(3, 2, n, cards=True, networks=1, minutes=5) for n in (1, 2)
    )
    assert (one.launch, one.threads) == ("", 6)
    assert one.resources == {"gpu": 2}
    assert two.launch.startswith("srun --nodes=2 --ntasks=4 --ntasks-per-node=2 ")
    assert two.threads == 3  # of a task
    assert two.resources == {"gpu": 2, "nodes": 2, "tasks": 4, "mpi": "srun"}


def test_a_large_budget_is_asked_for_and_a_small_one_is_no_less_than_usual():
    def asked(minutes, memory):
        jobs = TrainingJobs(
            1, 1, 1, cards=False, networks=2, minutes=minutes, memory=memory
        )
        return [jobs.needs("train")[name](None, attempt=1) for name in NAMES]

    usual = asked(1, None)
    assert asked(300, 8) == [9192, 1800]
    assert asked(1, 1) == usual
