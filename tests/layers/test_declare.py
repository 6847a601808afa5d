"""A norm is one file: everything else follows from its declaration."""

import inspect
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest
from torch import nn

from medinorm.layers.conditions.network import Conditional
from medinorm.layers.declare import norm
from medinorm.layers.registry import DECLARATIONS, NORMS, PERTURBATIONS
from medinorm.layers.statistics.torch_arguments import PerScanArguments
from medinorm.method_names import NORM_DECLARATIONS

ROOT = Path(__file__).resolve().parents[2]
KINDS = {**NORMS, **PERTURBATIONS}


def test_what_is_read_from_the_files_is_what_the_decorators_registered():
    assert set(DECLARATIONS) == set(NORM_DECLARATIONS)
    for name, declared in DECLARATIONS.items():
        read = NORM_DECLARATIONS[name]
        facts = {fact: getattr(declared, fact) for fact in read.facts}
        assert (declared.text, facts) == (read.text, dict(read.facts))
        kind = KINDS[name]
        assert (kind.__module__, kind.__name__) == (read.module, read.target)
        shown = inspect.signature(kind).parameters
        own = [name for name in shown if name in read.parameters]
        assert tuple(own) == read.parameters
        assert set(shown) <= {*own, *get_type_hints(PerScanArguments)}


@pytest.mark.parametrize("name", NORMS)
def test_a_norm_needs_nothing_but_its_channels(name):
    channels, *options = inspect.signature(NORMS[name]).parameters.values()
    assert channels.name == "num_features"
    assert all(option.default is not option.empty for option in options)
    assert set(DECLARATIONS[name].from_study) <= {option.name for option in options}


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_a_perturbation_stands_behind_a_norm(name):
    assert DECLARATIONS[name].behind in NORMS


@pytest.mark.parametrize("facts", [{"needs": ("mask",)}, {"uses": ("style",)}])
def test_a_norm_with_conditions_must_be_able_to_read_them(facts):
    with pytest.raises(TypeError, match="Wrong has conditions: make it a Conditional"):

        @norm("wrong", "never registered", **facts)
        class Wrong(nn.Module):
            pass


def test_what_a_norm_cannot_do_without_is_on_its_class():
    for name, kind in NORMS.items():
        if issubclass(kind, Conditional):
            assert kind.needs == DECLARATIONS[name].needs
    assert DECLARATIONS["self_attentive_instance"].conditions == ("style",)


NEW_NORM = '''
"""A norm that only shifts."""

from torch import Tensor

from medinorm.layers.declare import norm
from medinorm.layers.statistics.channel_norm import ChannelNorm


@norm("shift", "channels shifted to mean 0")
class ShiftNorm3d(ChannelNorm):
    """Subtract the mean of each channel."""

    def __init__(self, num_features: int, *, slowly: bool = False) -> None:
        super().__init__(num_features, affine=False)
        self.slowly = slowly

    def forward(self, x: Tensor) -> Tensor:
        """Shift `x`."""
        return x - x.mean((2, 3, 4), keepdim=True)
'''

LOOK_AROUND = """
import json, sys
from typing import get_args
from medinorm.choices import NormName
from medinorm.config import NetworkConfig
from medinorm.config.reference import key_reference, schema
from medinorm.config.study import parse_study
from medinorm.errors import ConfigError
from medinorm.report.text.definitions import NORMS as texts
light = "torch" not in sys.modules
study = parse_study(
    {"experiments": {"norm": ["shift"], "norm_options": {"shift": {"slowly": True}}}}
)
try:
    parse_study({"experiments": {"norm_options": {"shift": {"fast": 1}}}})
    refused = ""
except ConfigError as error:
    refused = str(error)
from medinorm.layers import NORMS, ShiftNorm3d
from medinorm.train.networks.build import build_network
network = build_network(
    NetworkConfig(channels=(4, 8)), channels=1, classes=2, norm="shift",
    norm_options={"slowly": True},
)
print(json.dumps({
    "light": light,
    "choice": "shift" in get_args(NormName),
    "schema": "shift" in json.dumps(schema()) and "`shift`" in key_reference(),
    "text": texts["shift"],
    "refused": refused,
    "class": NORMS["shift"] is ShiftNorm3d,
    "built": any(getattr(module, "slowly", False) for module in network.modules()),
}))
"""


def test_a_new_norm_is_one_new_file(tmp_path):
    for folder in ("medinorm", "tools", "config"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "README.md", tmp_path)
    file = tmp_path / "medinorm" / "layers" / "norms" / "shift.py"
    file.write_text(NEW_NORM.lstrip())
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}

    def run(*words):
        done = subprocess.run(
            [sys.executable, *words],
            check=True,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
        )
        return done.stdout

    written = run("tools/generate.py")
    assert "medinorm/layers/__init__.py" in written
    assert "| `shift` | channels shifted" in (tmp_path / "README.md").read_text()
    assert json.loads(run("-c", LOOK_AROUND)) == {
        "light": True,
        "choice": True,
        "schema": True,
        "text": "channels shifted to mean 0",
        "refused": "experiments.norm_options: shift has no option fast; "
        "its options: slowly",
        "class": True,
        "built": True,
    }
