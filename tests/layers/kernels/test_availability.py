import subprocess
import sys

import torch

from medinorm.layers import InstanceNorm3d, kernels

WITHOUT_TRITON = """
import sys
sys.modules["triton"] = None  # as if it were not installed
import torch
from medinorm.layers import InstanceNorm3d, kernels
assert not kernels.available(torch.zeros(1, 2, 3))
assert InstanceNorm3d(2)(torch.zeros(1, 2, 3)).shape == (1, 2, 3)
"""


def test_tensors_on_the_cpu_are_left_to_torch(monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    assert not kernels.available(torch.zeros(1, 2, 3))


def test_layers_use_the_kernels_only_after_they_are_enabled(monkeypatch):
    called = []
    monkeypatch.setattr(kernels, "available", lambda x: called.append(x.shape))
    x = torch.zeros(1, 2, 3)
    InstanceNorm3d(2)(x)
    assert not called
    kernels.enable()
    InstanceNorm3d(2)(x)
    kernels.enable(on=False)
    InstanceNorm3d(2)(x)
    assert called == [x.shape]


def test_layers_work_without_triton():
    subprocess.run([sys.executable, "-c", WITHOUT_TRITON], check=True)


def test_nothing_imports_triton_before_it_is_needed():
    code = (
        "import sys, torch; from medinorm.layers import InstanceNorm3d, kernels;"
        "x = torch.zeros(1, 2, 3); InstanceNorm3d(2)(x); kernels.available(x);"
        "sys.exit('triton' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
