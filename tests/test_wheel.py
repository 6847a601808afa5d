"""The wheel holds all that works outside of a clone; no link of its page is dead."""

import re
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("build", "hatchling", "hatch_fancy_pypi_readme", "twine")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built without asking an index."""
    for tool in TOOLS:
        pytest.importorskip(tool, reason=f"no {tool}: pip install 'medinorm[dev]'")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    command += ["--outdir", folder, ROOT]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def metadata(wheel):
    """What a package index reads of it."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith("dist-info/METADATA")]
        return message_from_bytes(archive.read(name))


def test_it_holds_each_file_of_the_package_and_no_other(wheel):
    listed = subprocess.run(
        ["git", "ls-files", "medinorm", "profiles"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = {
        f"medinorm/workflow/{name}" if name.startswith("profiles") else name
        for name in listed.stdout.splitlines()
        if (ROOT / name).exists()
    }
    with zipfile.ZipFile(wheel) as archive:
        inside = {n for n in archive.namelist() if ".dist-info/" not in n}
        others = set(archive.namelist()) - inside
    assert names <= inside
    assert {Path(n).suffix for n in inside - names} <= {".py"}  # not committed yet
    assert any(name.endswith("licenses/LICENSE") for name in others)


def test_layers_alone_bring_torch_and_numpy(metadata):
    always = {
        requirement.name
        for requirement in map(Requirement, metadata.get_all("Requires-Dist"))
        if "extra" not in str(requirement.marker or "")
    }
    assert always == {"torch", "numpy"}


def test_links_of_its_page_work_on_an_index(metadata):
    links = re.findall(r"\]\(([^)]+)\)", metadata.get_payload())
    assert links
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_an_index_takes_its_page(wheel):
    command = [sys.executable, "-m", "twine", "check", "--strict", wheel]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
