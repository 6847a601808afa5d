"""A killed ingest goes on to the same bytes as one that nobody disturbed."""

import random
import re
import shlex
import subprocess
import sys
import time

import pytest

from medinorm.cli.flags import write_flags
from medinorm.cli.main import main
from medinorm.config import IngestConfig, InputConfig

KILLS = 10
SERIES = 6

# Imports come before the clock starts, so that kills fall into the work.
PROGRAM = """
import sys
import medinorm.ingest.stage
from medinorm.cli.main import main
sys.stdout.write("ready\\n")
sys.stdout.flush()
sys.stdin.readline()
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def flags(fake, tmp_path):
    """The flags of a study with folders, an archive, a bad series and junk."""
    rows = []
    for number in range(SERIES):
        series = fake.Series(
            fake.ramp((64, 48, 20)) + number, header={"PatientID": f"p{number}"}
        )
        datasets = series.datasets()
        folder = tmp_path / "dicom" / f"{number}"
        fake.save(datasets[:-1] if number else datasets[::2] + datasets[1:3], folder)
        shape = (64, 48, 19)
        fake.nifti(tmp_path / f"{number}.nii.gz", fake.blocks(shape), series.affine)
        rows.append({"series_uid": series.uid, "label": f"{number}.nii.gz"})
    (tmp_path / "dicom" / "junk").write_text("x")
    source = InputConfig(
        dicom=(tmp_path / "dicom",), labels=fake.table(tmp_path / "labels.tsv", rows)
    )
    return shlex.split(f"{write_flags(source)} {write_flags(IngestConfig())}")


def words(folder, flags, key=None):
    """The command of a run in a folder, with a key of its own or a given one."""
    private = folder / "private"
    private.mkdir(parents=True, exist_ok=True)
    if key:
        (private / "pseudonym.key").write_bytes(key)
    command = ["ingest", "--results", folder / "results"]
    command += ["--private", private, *flags]
    return [str(word) for word in command]


def start(command):
    """Start a run in a process of its own; it waits."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def kill_after(process, seconds):
    """Let a run go for a while, then kill it; whether that came before its end."""
    process.stdin.write("go\n")
    process.stdin.flush()
    time.sleep(seconds)
    process.kill()
    process.communicate()
    return process.returncode != 0


def snapshot(folder):
    """All bytes below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def undisturbed(folder, flags):
    """Run to the end: seconds, the key and all results."""
    began = time.perf_counter()
    assert main(words(folder, flags)) == 0
    seconds = time.perf_counter() - began
    key = (folder / "private" / "pseudonym.key").read_bytes()
    return seconds, key, snapshot(folder / "results")


def test_ten_kills_leave_no_trace(tmp_path, flags):
    seconds, key, expected = undisturbed(tmp_path / "whole", flags)
    assert len(expected) > 4 * SERIES
    rng = random.Random(7)
    killed = 0
    for number in range(KILLS):
        folder = tmp_path / f"killed-{number}"
        command = words(folder, flags, key)
        moment = (number + rng.random()) / KILLS * seconds
        killed += kill_after(start(command), moment)
        assert main(command) == 0
        assert snapshot(folder / "results") == expected
        left = [path.name for path in (folder / "private").rglob("*")]
        assert not [name for name in left if re.match(r"\.\d+-", name)]
    assert killed >= KILLS // 2


def test_kill_upon_kill(tmp_path, flags):
    """Each run goes on where the last one was killed."""
    seconds, key, expected = undisturbed(tmp_path / "whole", flags)
    command = words(tmp_path / "killed", flags, key)
    rng = random.Random(8)
    for _ in range(3):
        kill_after(start(command), rng.uniform(0.2, 0.8) * seconds)
    assert main(command) == 0
    assert snapshot(tmp_path / "killed" / "results") == expected
