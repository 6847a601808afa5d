"""Facts of machines are read from where systems tell them, and absent otherwise."""

import platform
import subprocess

from medinorm.environment import machine


def test_the_processor_is_the_first_that_the_system_lists(tmp_path):
    cpu = tmp_path / "cpuinfo"
    cpu.write_text("processor\t: 0\nmodel name\t: A CPU @ 2 GHz\nmodel name\t: B\n")
    assert machine.read_processor(cpu) == "A CPU @ 2 GHz"
    assert machine.read_processor(tmp_path / "none") == platform.machine()


def test_cards_are_listed(tmp_path):
    for name in ("0", "1"):
        (tmp_path / name).mkdir()
        text = "Model: \t\t NVIDIA X\nIRQ: 5\nGPU UUID: GPU-1\n"
        (tmp_path / name / "information").write_text(text)
    assert machine.read_cards(tmp_path) == ("NVIDIA X", "NVIDIA X")
    assert machine.read_cards(tmp_path / "none") == ()


def test_the_system_does_not_name_the_computer():
    assert platform.node() not in machine.describe_system().split()


def test_a_clone_has_a_commit_and_says_if_it_was_changed(tmp_path, monkeypatch):
    package = tmp_path / "medinorm"
    package.mkdir()
    (package / "a.py").write_text("")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "a"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    monkeypatch.setattr(machine.resources, "files", lambda _: package)
    commit = machine.read_commit()
    assert len(commit) == 40
    (package / "a.py").write_text("1")
    assert machine.read_commit() == f"{commit} with changes"


def test_software_that_is_not_installed_is_left_out(monkeypatch):
    monkeypatch.setattr(machine, "SOFTWARE", ("numpy", "no-such-distribution"))
    assert list(machine.read_versions()) == ["numpy"]
