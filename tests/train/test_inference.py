"""A network applied tile by tile gives what it would give at once."""

import pytest
import torch
from torch import nn

from medinorm.config import NetworkConfig, PredictConfig
from medinorm.layers import ThumbnailSlidingWindowInferer
from medinorm.train.inference import _inferer, infer_logits, infer_probabilities
from medinorm.train.networks.build import build_network

PATCH = (8, 8, 8)


def infer(network, image, conditions):
    return infer_logits(network, image, conditions, PATCH, PredictConfig())


def conditional(norm):
    torch.manual_seed(0)
    return build_network(
        NetworkConfig(channels=(4, 8)),
        channels=1,
        classes=2,
        norm=norm,
        norm_options={},
    ).eval()


@pytest.mark.parametrize("norm", ["masked_instance", "spatially_adaptive"])
def test_each_tile_gets_its_part_of_the_map(norm):
    network = conditional(norm)
    (word,) = network.needs
    image = torch.rand(1, 1, 8, 8, 16)
    values = torch.randint(0, 2, (1, 1, 8, 8, 16), dtype=torch.uint8)
    settings = PredictConfig(overlap=0)
    with torch.inference_mode():
        tiled = infer_logits(network, image, {word: values}, PATCH, settings)
        halves = [
            network(image[..., half], **{word: values[..., half]})
            for half in (slice(0, 8), slice(8, 16))
        ]
    torch.testing.assert_close(tiled, torch.cat(halves, dim=-1))


@pytest.mark.parametrize("norm", ["masked_instance", "spatially_adaptive"])
def test_the_network_is_not_changed_by_a_prediction(norm):
    network = conditional(norm)
    (word,) = network.needs
    seen = []
    network.network.register_forward_hook(lambda *_: seen.append(network.map_channel))
    values = torch.randint(0, 2, (1, 1, 12, 12, 12), dtype=torch.uint8)
    logits = infer(network, torch.rand(1, 1, 12, 12, 12), {word: values})
    assert logits.shape == (1, 2, 12, 12, 12)
    assert seen
    assert set(seen) == {None}


def test_thumbnail_norms_get_the_inferer_that_measures_the_whole_scan():
    for norm, special in (("thumbnail_instance", True), ("instance", False)):
        network = build_network(
            NetworkConfig(channels=(4, 8)),
            channels=1,
            classes=2,
            norm=norm,
            norm_options={},
        )
        inferer = _inferer(network, PATCH, PredictConfig())
        assert isinstance(inferer, ThumbnailSlidingWindowInferer) is special


class Position(nn.Module):
    """The logit of class 1 is the index along the first axis; the image is not used."""

    def forward(self, x):
        index = torch.arange(float(x.shape[2])).view(1, 1, -1, 1, 1).expand_as(x)
        return torch.cat([torch.zeros_like(x), index], dim=1)


def test_mirrors_are_averaged_along_the_axes_of_training_only():
    image, patch = torch.zeros(1, 1, 8, 8, 8), (8, 8, 8)
    settings = PredictConfig(mirror=True)
    one, mirrored = (
        infer_probabilities(Position(), image, {}, patch, settings, axes)
        for axes in ((1, 2), (0, 2))
    )
    plain = infer_probabilities(Position(), image, {}, patch, PredictConfig(), (0,))
    torch.testing.assert_close(one, plain)
    torch.testing.assert_close(mirrored, (plain + plain.flip(2)) / 2)
