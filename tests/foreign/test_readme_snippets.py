"""The three snippets of README's section on layers run as they are printed."""

import re
from pathlib import Path

import pytest
import torch

README = Path(__file__).resolve().parents[2] / "README.md"
SECTION = re.compile(
    r"^## A layer in your own code$(.*?)^<!-- generated", re.MULTILINE | re.DOTALL
)
SNIPPET = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SNIPPETS = SNIPPET.findall(SECTION.search(README.read_text(encoding="utf-8"))[1])
NAMES = {"monai": 0, "dynamic_network_architectures": 1, "torch": 2}


@pytest.mark.parametrize("peer", NAMES)
def test_snippet_runs_and_the_network_trains(peer):
    pytest.importorskip(peer, reason=f"{peer} is not installed")
    assert len(SNIPPETS) == len(NAMES)
    names = {}
    exec(SNIPPETS[NAMES[peer]], names)
    assert any("medinorm" in type(m).__module__ for m in names["network"].modules())
    y = names["network"](torch.randn(1, 1, 16, 16, 16))
    y.square().mean().backward()
    if "optimizer" in names:
        names["optimizer"].step()
