import subprocess
import sys

import pytest
import torch
from monai.networks import nets
from monai.networks.layers.factories import Norm
from torch import nn

from medinorm.layers import NORMS, monai_norm, register_norms
from medinorm.layers.registry import monai_name


@pytest.fixture(autouse=True)
def _registered():
    register_norms()


@pytest.mark.parametrize("name", NORMS)
def test_monai_finds_every_norm(name):
    assert Norm[monai_name(name), 3] is NORMS[name]


def test_names_of_monai_keep_their_meaning():
    assert Norm["instance", 3] is nn.InstanceNorm3d
    assert Norm["batch", 2] is nn.BatchNorm2d
    assert Norm["group", 3] is nn.GroupNorm


def test_registering_again_changes_nothing():
    before = list(Norm.names)
    register_norms()
    assert list(Norm.names) == before


def test_options_reach_the_layer():
    network = nets.UNet(
        3, 1, 2, (8, 16), (2,), norm=monai_norm("group", {"num_groups": 4})
    )
    groups = [m.num_groups for m in network.modules() if isinstance(m, NORMS["group"])]
    assert groups
    assert set(groups) == {4}


def test_an_unknown_norm_is_refused_with_the_known_ones():
    with pytest.raises(
        ValueError, match=r"must be one of adaptive_instance, batch, .*; not bathc"
    ):
        monai_norm("bathc", {})


def test_layers_need_neither_monai_nor_pydantic():
    code = (
        "import sys, medinorm.layers\n"
        "heavy = {'monai', 'pydantic', 'nibabel', 'scipy', 'lightning'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_the_forward_pass_of_monais_unet():
    network = nets.UNet(3, 1, 3, (8, 16, 32), (2, 2), norm="medinorm_group")
    assert network(torch.randn(1, 1, 8, 8, 8)).shape == (1, 3, 8, 8, 8)
