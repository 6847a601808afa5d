"""A model on disk is the model that was written; damaged ones are named."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from medinorm.config import NetworkConfig
from medinorm.errors import ConfigError, DamagedError, RunError
from medinorm.files.sidecars import Provenance
from medinorm.train.model import ModelCard, model_path, read_model, write_model

CARD = ModelCard(
    intensity="zscore",
    norm="group",
    augmentation="flip",
    norm_options={"num_groups": 2},
    network=NetworkConfig(channels=(4, 8)),
    channels=("image",),
    label_values=(1, 2),
    patch=(8, 8, 8),
    domains=("a", "b"),
    shots=2,
)


def test_weights_and_card_come_back(tmp_path):
    network = CARD.build()
    write_model(tmp_path, network, CARD, Provenance({}, {}), {"steps": 3})
    again, card = read_model(tmp_path)
    assert card == CARD
    assert not again.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])


def test_missing_and_damaged_models_are_named(tmp_path):
    with pytest.raises(RunError, match="no trained network"):
        read_model(tmp_path)
    write_model(tmp_path, CARD.build(), CARD, Provenance({}, {}), {})
    model_path(tmp_path).write_bytes(b"x")
    with pytest.raises(DamagedError, match=r"model\.safetensors is damaged"):
        read_model(tmp_path)
    assert model_path(tmp_path).exists()  # no status table: nobody makes it again
    write_model(tmp_path, nn.Linear(2, 1), CARD, Provenance({}, {}), {})
    with pytest.raises(RunError, match="do not fit"):
        read_model(tmp_path)


def test_a_card_that_says_what_was_never_built_is_refused():
    values = CARD.to_json()
    values["network"] = {"name": "segresnet", "channels": [4, 12], "residual_units": 0}
    with pytest.raises(ConfigError, match="must double"):
        ModelCard.from_json(values)


@pytest.mark.parametrize(
    ("norm", "needs"),
    [
        ("batch", ()),
        ("mixstyle", ()),
        ("adaptive_instance", ("style",)),
        ("self_attentive_instance", ("style",)),
        ("spatially_adaptive", ("regions",)),
        ("domain_specific", ("domain",)),
        ("masked_instance", ("mask",)),
    ],
)
def test_a_card_knows_what_its_norm_needs(norm, needs):
    assert replace(CARD, norm=norm).needs == needs


def test_domains_and_regions():
    assert [CARD.domain_index(name) for name in ("b", "never seen")] == [1, -1]
    assert CARD.regions == 4
    card = replace(CARD, norm="spatially_adaptive", norm_options={"num_regions": 6})
    assert card.regions == 6


def test_only_cards_with_ignored_voxels_say_so():
    assert "ignored" not in CARD.to_json()
    ignoring = replace(CARD, ignored=255)
    assert ModelCard.from_json(ignoring.to_json()) == ignoring
