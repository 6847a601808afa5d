"""Tests that run the kernels: on a GPU, or in Triton's interpreter where there is none.

Triton decides when it is first imported whether it interprets, so without a GPU these
tests are collected in a process of their own only, by `test_interpreter.py`.
"""

import os
from importlib.util import find_spec

import pytest
import torch

from medinorm.layers.kernels import tiling

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
ON_GPU = torch.cuda.is_available() and find_spec("triton") and not INTERPRETED

collect_ignore_glob = [] if INTERPRETED or ON_GPU else ["test_*.py"]


@pytest.fixture(autouse=True)
def _device():
    """Make tensors where the kernels run."""
    with torch.device("cuda" if ON_GPU else "cpu"):
        yield


@pytest.fixture(params=["as_always", "many_chunks"])
def cut(request, monkeypatch):
    """How tensors are cut: as always, or into chunks of several small tiles."""
    if request.param == "many_chunks":
        monkeypatch.setattr(tiling, "TILE", 16)
        monkeypatch.setattr(tiling, "PROGRAMS", 8)
        monkeypatch.setattr(tiling, "CACHE_LINE", 16)
    return request.param
