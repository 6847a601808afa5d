"""The container recipe: sound by its linter, and without anything of a study."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]


def test_the_recipe_is_sound():
    if shutil.which("hadolint") is None:
        pytest.skip("hadolint is not installed (extra `dev`, Linux only)")
    done = subprocess.run(
        ["hadolint", "--no-color", ROOT / "Dockerfile"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_nothing_is_copied_but_what_the_image_names():
    allowed = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = {
        word
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ")
        for word in line.split()[1:-1]
    }
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


def test_the_container_is_built():
    engine = shutil.which("docker") or shutil.which("podman")
    if engine is None or subprocess.run([engine, "info"], check=False).returncode:
        pytest.skip("no container engine runs here")
    subprocess.run([engine, "build", "--quiet", ROOT], check=True, timeout=1800)


def test_the_environment_installs_the_tested_versions():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = [part for part in environment["dependencies"] if isinstance(part, dict)]
    assert pip["pip"] == ["--constraint constraints.txt", "--editable .[workflow]"]
