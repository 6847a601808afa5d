"""The tasks of developers, and that CI runs the same."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tasks(monkeypatch):
    """The module, and the commands that it calls."""
    spec = importlib.util.spec_from_file_location("tasks", ROOT / "tools" / "tasks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.called = []

    def call(words, **_):
        module.called.append(words)
        return int("fail" in words)

    monkeypatch.setattr(module.subprocess, "call", call)
    return module


def test_one_file_is_tested_by_its_name(tasks):
    assert tasks.main(["test", "tests/cli"]) == 0
    (words,) = tasks.called
    assert words[-1] == "tests/cli"
    assert "-n" not in words


def test_every_test_run_shows_durations(tasks):
    tasks.main(["test"])
    tasks.main(["test", "tests/cli"])
    assert all("--durations" in words for words in tasks.called)


def test_a_study_must_end_in_a_report(tasks, tmp_path):
    tasks.main(["study", str(tmp_path / "new")])
    run, check = tasks.called
    assert str(tmp_path / "new") in run
    assert check[-1].endswith("results/report/report.html")


def test_the_first_failure_ends_a_task(tasks, monkeypatch):
    monkeypatch.setitem(tasks.TASKS, "docs", lambda _: iter([["fail"], ["later"]]))
    assert tasks.main(["docs"]) == 1
    assert tasks.called == [["fail"]]


def test_continuous_integration_runs_the_tasks(tasks):
    script = (ROOT / ".ci" / "run").read_text()
    by_tests = {"docs", "site"}  # tests compare what is generated, and build the site
    called = set(re.findall(r"tools/tasks.py (\w+)", script))
    assert called == set(tasks.TASKS) - by_tests


def test_system_packages_are_installed_in_ci_only():
    script = (ROOT / ".ci" / "run").read_text()
    before, _, after = script.partition("apt-get update")
    assert "apt-get install" not in before
    assert "${CI:-} == true" in before.rpartition("if ")[2]
    assert "apt-get" not in after.partition("step")[2]
