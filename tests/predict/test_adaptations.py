"""Adaptations: declared once, what they change, and what they read."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from medinorm.choices import AdaptName
from medinorm.config import NetworkConfig
from medinorm.method_names import ADAPTATION_DECLARATIONS
from medinorm.predict.adaptations import ADAPTATIONS, _tiles
from medinorm.train.model import ModelCard

CARD = ModelCard(
    intensity="zscore",
    norm="batch",
    norm_options={},
    network=NetworkConfig(channels=(4, 8)),
    channels=("image",),
    label_values=(1, 2),
    patch=(12, 12, 12),
    domains=("a", "b"),
    shots=2,
)


def test_the_text_of_the_file_says_what_the_decorators_do():
    assert tuple(ADAPTATIONS) == get_args(AdaptName)
    for name, declared in ADAPTATION_DECLARATIONS.items():
        assert ADAPTATIONS[name].text == declared.text
        for fact, value in declared.facts.items():
            assert getattr(ADAPTATIONS[name], fact) == value


@pytest.fixture
def network():
    torch.manual_seed(0)
    return CARD.build().eval()


def images():
    """Two unlabelled images, each read once."""
    rng = np.random.default_rng(0)
    yield from rng.normal(3, 2, (2, 1, 14, 12, 12)).astype(np.float32)


@pytest.mark.parametrize("name", ADAPTATIONS)
def test_only_those_that_learn_read_images_and_change_the_network(network, name):
    before = {key: value.clone() for key, value in network.state_dict().items()}
    unread = images()
    after = ADAPTATIONS[name].adapt(network, unread, CARD).state_dict()
    changed = [key for key in before if not torch.equal(before[key], after[key])]
    assert bool(changed) is ADAPTATIONS[name].learns
    assert (next(unread, None) is None) is ADAPTATIONS[name].learns


@pytest.mark.parametrize("name", [n for n in ADAPTATIONS if ADAPTATIONS[n].norms])
def test_they_can_adapt_the_norms_that_they_name(name):
    for norm in ADAPTATIONS[name].norms:
        card = replace(CARD, norm=norm)
        adapted = ADAPTATIONS[name].adapt(card.build().eval(), images(), card)
        assert not adapted.training


def test_tiles_cover_every_voxel():
    image = np.arange(20.0 * 13 * 9, dtype=np.float32).reshape(1, 20, 13, 9)
    tiles = list(_tiles(image, CARD))
    assert {tile.shape for tile in tiles} == {(1, 1, 12, 12, 12)}
    assert set(np.unique(torch.cat(tiles).numpy())) == set(np.unique(image))
