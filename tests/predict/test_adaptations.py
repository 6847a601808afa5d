"""Adaptations: declared once, what they change, and what they read."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn

from medinorm.choices import AdaptName
from medinorm.config import NetworkConfig, PredictConfig
from medinorm.method_names import ADAPTATION_DECLARATIONS
from medinorm.predict.adaptations import ADAPTATIONS, _draw_patches
from medinorm.train.inference import infer_logits
from medinorm.train.model import ModelCard

CARD = ModelCard(
    intensity="zscore",
    norm="batch",
    augmentation="flip",
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


def test_patches_are_drawn_as_in_training():
    """As many at once, as many around what seems a label, the same each time."""
    card = replace(CARD, batch_size=3, foreground_ratio=1.0)
    large = np.zeros((1, 40, 40, 40), np.float32)
    large[0, 30:34, 30:34, 30:34] = 9  # what the network below takes for a label

    class Bright(nn.Module):
        def __init__(self):
            super().__init__()
            self.gain = nn.Parameter(torch.ones(3))

        def forward(self, x):
            return torch.cat([1 - x, x - 1, x - 2], dim=1)

    batches = list(_draw_patches(Bright(), [large], card))
    assert [len(batch) for batch in batches] == [3] * (64 // 3 + 1)
    assert all(patch.max() == 9 for batch in batches for patch in batch)
    again = _draw_patches(Bright(), [large], card)
    for batch, same in zip(batches, again, strict=True):
        torch.testing.assert_close(batch, same, rtol=0, atol=0)
    anywhere = list(_draw_patches(Bright(), [large], replace(card, foreground_ratio=0)))
    assert any(patch.max() == 0 for batch in anywhere for patch in batch)


def test_a_small_scan_gives_enough_patches(network):
    (first, *_) = images()
    assert sum(map(len, _draw_patches(network, [first], CARD))) == 8
    assert not list(_draw_patches(network, [], CARD))


@pytest.mark.parametrize("name", [n for n in ADAPTATIONS if ADAPTATIONS[n].learns])
def test_how_many_tiles_pass_at_once_changes_nothing(network, name):
    adapted = ADAPTATIONS[name].adapt(network, images(), CARD)
    scan = torch.randn(1, 1, 20, 20, 12, generator=torch.Generator().manual_seed(1))
    one, four = (
        infer_logits(adapted, scan, {}, CARD.patch, PredictConfig(tiles=tiles))
        for tiles in (1, 4)
    )
    torch.testing.assert_close(one, four, rtol=0, atol=1e-5)
