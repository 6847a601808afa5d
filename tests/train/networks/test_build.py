"""Each network can be built with each norm, and only the norm differs."""

from typing import get_args

import pytest
import torch

from medinorm.choices import NormName
from medinorm.config import NetworkConfig
from medinorm.layers import NORMS, PERTURBATIONS
from medinorm.layers.registry import DECLARATIONS
from medinorm.train.networks.build import build_network
from tests.train.networks.installed import NETWORKS


def build(name, norm, **options):
    config = NetworkConfig(name=name, channels=(8, 16, 32))
    return build_network(config, channels=2, classes=3, norm=norm, norm_options=options)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("norm", get_args(NormName))
def test_every_network_takes_every_norm(name, norm):
    network = build(name, norm).eval()
    x = torch.randn(1, 2, 16, 16, 16)
    conditions = {
        "style": torch.randn(1, 3, 2, 16, 16, 16),
        "regions": torch.randint(0, 4, (1, 1, 16, 16, 16)),
        "mask": torch.randint(0, 2, (1, 1, 16, 16, 16)),
        "domain": torch.tensor([0]),
    }
    needed = DECLARATIONS[norm].conditions
    out = network(x, **{word: conditions[word] for word in needed})
    assert out.shape == (1, 3, 16, 16, 16)
    kind = NORMS["batch"] if norm in PERTURBATIONS else NORMS[norm]
    assert [module for module in network.modules() if type(module) is kind]


def test_norms_of_the_configuration_are_all_there_are():
    assert set(get_args(NormName)) == set(NORMS) | set(PERTURBATIONS)


@pytest.mark.parametrize("norm", PERTURBATIONS)
def test_perturbations_stand_behind_the_first_norms_only(norm):
    network = build("unet", norm)
    kinds = [type(module) for module in network.modules()]
    assert kinds.count(PERTURBATIONS[norm]) == 2
    first = kinds.index(PERTURBATIONS[norm])
    assert kinds[:first].count(NORMS["batch"]) == 1


def test_domain_specific_norms_have_a_part_for_each_domain():
    config = NetworkConfig(channels=(8, 16))
    network = build_network(
        config,
        channels=1,
        classes=2,
        norm="domain_specific",
        norm_options={},
        domains=3,
    )
    counts = {
        module.num_domains
        for module in network.modules()
        if isinstance(module, NORMS["domain_specific"])
    }
    assert counts == {3}


def test_options_reach_the_layer():
    groups = {
        module.num_groups
        for module in build("unet", "group", num_groups=4).modules()
        if isinstance(module, NORMS["group"])
    }
    assert groups == {4}
