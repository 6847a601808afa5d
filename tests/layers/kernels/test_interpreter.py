"""Run the kernels without a GPU: each file of `on_device` in a process of its own."""

import os
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.version import Version

FILES = sorted((Path(__file__).parent / "on_device").glob("test_*.py"))

if find_spec("triton") is None:
    pytest.skip("Triton is not installed", allow_module_level=True)
if Version(version("triton")) < Version("3.7.1"):
    pytest.skip("this Triton cannot interpret on NumPy 2.4", allow_module_level=True)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_in_the_interpreter(file):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file]
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-5000:]
    assert "passed" in run.stdout
    assert "skipped" not in run.stdout
