"""Scans on a storage of Snakemake's, as the page for users says."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from medinorm.files.nifti import Volume, write_volume
from medinorm.files.tables import read_table, write_table

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "remote_scans.md"
LACKING = [
    name
    for name, there in {
        "snakemake-storage-plugin-fs": find_spec("snakemake_storage_plugin_fs"),
        "rsync": shutil.which("rsync"),
    }.items()
    if not there
]


@pytest.fixture
def archive(tmp_path):
    """A folder elsewhere, with a table and its images."""
    folder = tmp_path / "far away"
    (folder / "images").mkdir(parents=True)
    for number in range(2):
        image = np.zeros((12, 14, 10), np.float32)
        image[2:9, 3:10, 2:8] = 100 + np.arange(6) + number
        path = folder / "images" / f"{number}.nii.gz"
        write_volume(Volume(image, np.diag([2.0, 2.0, 2.0, 1.0])), path)
    list_images(folder, 1)
    return folder


def list_images(archive, count):
    """Write the table of the first images."""
    rows = [{"subject": f"{n}", "image": f"images/{n}.nii.gz"} for n in range(count)]
    write_table(archive / "scans.tsv", rows, ("subject", "image"))


def write_study(folder, archive, *, plain=False):
    """Write what the page says to write; `plain`: the folder needs no plugin."""
    (settings,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (workflow,) = re.findall(r"```text\n(.*?)```", PAGE.read_text(), re.DOTALL)
    workflow = workflow.replace("/mnt/archive/trial", str(archive))
    if plain:
        workflow = workflow.replace('storage archive:\n    provider="fs",\n', "")
        workflow = workflow.replace("storage.archive(", "(")
    (folder / "study.yaml").write_text(settings)
    (folder / "Snakefile").write_text(workflow)
    (folder / "private").mkdir(mode=0o700)


def call(folder, *words):
    """Call snakemake as the page says; what it printed."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1"]
    command += ["--local-storage-prefix", "private/storage", *words]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command,
        check=False,
        cwd=folder,
        env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(bool(LACKING), reason=f"no {' and no '.join(LACKING)}")
def test_scans_of_a_storage_are_copied_and_used(tmp_path, archive):
    write_study(tmp_path, archive)
    call(tmp_path, "results/scans.tsv")
    assert len(read_table(tmp_path / "results" / "scans.tsv")) == 1
    assert not list((tmp_path / "private" / "storage").rglob("*.nii.gz"))
    assert (tmp_path / "private" / "copy").stat().st_mode & 0o777 == 0o700
    assert "copy_scans" not in call(tmp_path, "results/scans.tsv", "--dry-run")
    list_images(archive, 2)
    call(tmp_path, "results/scans.tsv")
    assert len(read_table(tmp_path / "results" / "scans.tsv")) == 2


def test_the_workflow_is_a_module_of_another_one(tmp_path, archive):
    write_study(tmp_path, archive, plain=True)
    printed = call(tmp_path, "all", "--dry-run")
    jobs = re.findall(r"^(\w+) +1$", printed, re.MULTILINE)
    assert {"copy_scans", "index", "plan", "split"} <= set(jobs)
