import logging

import pytest
import torch
from monai.inferers import SlidingWindowInferer
from monai.networks import nets
from torch import nn

from medinorm.layers import (
    BatchNorm3d,
    InstanceNorm3d,
    ThumbnailInstanceNorm3d,
    ThumbnailSlidingWindowInferer,
    register_norms,
)
from medinorm.layers.thumbnail_instance import frozen_statistics

WINDOW = (16, 16, 16)


def _volume(size=48):
    """Smooth structure on an intensity ramp, and noise: no tile is like the whole."""
    ramp = torch.linspace(-2, 2, size).view(-1, 1, 1)
    blobs = nn.functional.interpolate(
        torch.randn(1, 1, 6, 6, 6), size=(size, 32, 32), mode="trilinear"
    )
    return 2 * blobs + ramp + 0.5 * torch.randn(1, 1, size, 32, 32)


def _network(kind="UNet"):
    register_norms()
    norm = "thumbnail_instance"
    if kind == "UNet":
        network = nets.UNet(3, 1, 2, (4, 8, 8), (2, 2), num_res_units=1, norm=norm)
    else:
        network = nets.DynUNet(
            3, 1, 2, (3, 3, 3), (1, 2, 2), (2, 2), filters=(4, 4, 8), norm_name=norm
        )
    return network.eval()


@pytest.mark.parametrize("kind", ["UNet", "DynUNet"])
@torch.no_grad()
def test_exact_statistics_equal_whole_volume_inference(kind):
    network, volume = _network(kind), _volume(64)
    inferer = ThumbnailSlidingWindowInferer(WINDOW, statistics="exact")
    whole = network(volume)
    assert (inferer(volume, network) - whole).abs().max() < 1e-5 * max(
        1, whole.abs().max()
    )


def _distance(volume, network, inferer):
    whole = network(volume)
    error = (inferer(volume, network) - whole).square().mean().sqrt()
    return float(error / whole.std())


@pytest.mark.parametrize(("statistics", "part"), [("tiles", 1 / 3), ("strided", 0.9)])
@torch.no_grad()
def test_tiles_come_closer_to_the_whole_volume(statistics, part):
    blocks = [
        (nn.Conv3d(n, 8, 3, padding=1), ThumbnailInstanceNorm3d(8), nn.LeakyReLU())
        for n in (1, 8)
    ]
    network, volume = nn.Sequential(*(m for block in blocks for m in block)), _volume()
    per_tile = SlidingWindowInferer(WINDOW, overlap=0.5, mode="gaussian")
    ours = ThumbnailSlidingWindowInferer(WINDOW, statistics=statistics)
    assert _distance(volume, network, ours) < part * _distance(
        volume, network, per_tile
    )


@torch.no_grad()
def test_all_tiles_with_their_surroundings_come_close_to_exact():
    network, volume = _network(), _volume(64)
    blended, surrounded = (
        ThumbnailSlidingWindowInferer(WINDOW, count=100, surroundings=surroundings)
        for surroundings in (False, True)
    )
    distance = _distance(volume, network, surrounded)
    assert distance < 0.02
    assert distance < 0.2 * _distance(volume, network, blended)


@pytest.mark.parametrize("statistics", ["tiles", "strided", "exact"])
@torch.no_grad()
def test_a_second_volume_gives_what_a_fresh_inferer_gives(statistics):
    network = _network()
    options = {"roi_size": WINDOW, "statistics": statistics}
    used = ThumbnailSlidingWindowInferer(**options)
    first, second = _volume(), 3 * _volume() + 5
    used(first, network)
    fresh = ThumbnailSlidingWindowInferer(**options)(second, network)
    assert torch.equal(used(second, network), fresh)


@torch.no_grad()
def test_volumes_of_a_batch_have_statistics_of_their_own():
    network, inferer = _network(), ThumbnailSlidingWindowInferer(WINDOW)
    first, second = _volume(32), 3 * _volume(32) + 5
    both = inferer(torch.cat([first, second]), network)
    torch.testing.assert_close(both[:1], inferer(first, network))
    torch.testing.assert_close(both[1:], inferer(second, network))


@torch.no_grad()
def test_small_volumes_are_padded():
    network, inferer = _network(), ThumbnailSlidingWindowInferer(WINDOW)
    assert inferer(torch.randn(1, 1, 9, 20, 16), network).shape == (1, 2, 9, 20, 16)


@pytest.mark.parametrize("statistics", ["tiles", "exact"])
@torch.no_grad()
def test_volumes_need_not_fit_the_levels_of_the_network(statistics):
    network = _network()
    inferer = ThumbnailSlidingWindowInferer(WINDOW, statistics=statistics)
    volume = _volume(32)
    whole = inferer(volume, network)
    # Cut by less than a stride, and filled up again by repeating the last voxels.
    cut = inferer(volume[..., :30, :31], network)
    assert cut.shape == (1, 2, 32, 30, 31)
    inside = (..., slice(8, 16), slice(8, 16), slice(8, 16))
    assert (cut[inside] - whole[inside]).abs().max() < 0.2 * whole.std()


@pytest.mark.parametrize("seed", [0, 1, 2])
@torch.no_grad()
def test_few_tiles_speak_for_a_volume_that_is_mostly_air(seed):
    torch.manual_seed(seed)
    network, volume = _network(), torch.zeros(1, 1, 96, 96, 96)
    volume[..., 24:72, 20:60, 30:80] = 3 + torch.randn(48, 40, 50)
    per_tile = SlidingWindowInferer(WINDOW, overlap=0.5, mode="gaussian")
    ours = ThumbnailSlidingWindowInferer(WINDOW)
    assert 3 * _distance(volume, network, ours) < _distance(volume, network, per_tile)


@torch.no_grad()
def test_nothing_remains_when_the_network_fails():
    network = nn.Sequential(ThumbnailInstanceNorm3d(1), nn.Linear(3, 3))
    with pytest.raises(ValueError, match="surroundings=False"):
        ThumbnailSlidingWindowInferer(WINDOW)(_volume(), network)
    assert not network[0].is_frozen
    assert network[0].observer is None


@torch.no_grad()
def test_a_thumbnail_unlike_the_volume_is_reported(caplog):
    # Along each axis only even voxels are bright: a stride of 2 sees nothing else.
    volume = torch.zeros(1, 1, 32, 32, 32)
    volume[..., ::2, ::2, ::2] = 1 + 0.01 * torch.rand(1, 1, 16, 16, 16)
    network = nn.Sequential(ThumbnailInstanceNorm3d(1))
    with caplog.at_level(logging.WARNING):
        ThumbnailSlidingWindowInferer(WINDOW, statistics="strided")(volume, network)
    assert "statistics from tiles may be better" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        ThumbnailSlidingWindowInferer(WINDOW, statistics="strided")(_volume(), network)
    assert not caplog.text


def test_a_network_that_sees_everything_has_no_exact_tiles():
    network = nn.Sequential(ThumbnailInstanceNorm3d(1), InstanceNorm3d(1))
    inferer = ThumbnailSlidingWindowInferer(WINDOW, statistics="exact")
    with pytest.raises(ValueError, match="limited neighbourhood"):
        inferer(torch.zeros(1, 1, 32, 32, 32), network)


def test_layers_that_are_never_called_do_no_harm():
    class _Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle = (
                ThumbnailInstanceNorm3d(1),
                ThumbnailInstanceNorm3d(1),
            )

        def forward(self, x):
            return self.used(x)

    network, volume = _Idle(), torch.randn(1, 1, 32, 16, 16)
    y = ThumbnailSlidingWindowInferer(WINDOW, statistics="exact")(volume, network)
    torch.testing.assert_close(y, network(volume), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("network", [nn.Identity(), nn.Sequential(BatchNorm3d(1)), len])
def test_a_network_without_the_layer_is_refused(network):
    with pytest.raises(ValueError, match="ThumbnailInstanceNorm3d"):
        ThumbnailSlidingWindowInferer(WINDOW)(torch.zeros(1, 1, 16, 16, 16), network)


@pytest.mark.parametrize("options", [{"statistics": "mean"}, {"count": 0}])
def test_impossible_arguments_are_refused(options):
    with pytest.raises(ValueError, match="must be"):
        ThumbnailSlidingWindowInferer(WINDOW, **options)


def test_statistics_frozen_by_hand_are_not_used():
    network = _network()
    with frozen_statistics(network), torch.no_grad():
        assert torch.isfinite(
            ThumbnailSlidingWindowInferer(WINDOW)(_volume(), network)
        ).all()
