import logging

import pytest
import torch
from monai.data import MetaTensor
from monai.data.utils import list_data_collate
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
from medinorm.layers.norms.thumbnail_instance import frozen_statistics
from medinorm.layers.tiled_inference.whole_volume import pad_to_stride

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


def _assert_exact(volume, network, *, sw_batch_size=1):
    inferer = ThumbnailSlidingWindowInferer(WINDOW, sw_batch_size, statistics="exact")
    whole = network(volume)
    error = (inferer(volume, network) - whole).abs().max()
    assert error < 1e-5 * max(1, whole.abs().max())


@pytest.mark.parametrize("sw_batch_size", [1, 100])  # in windows, and at once
@pytest.mark.parametrize("kind", ["UNet", "DynUNet"])
@torch.no_grad()
def test_exact_statistics_equal_whole_volume_inference(kind, sw_batch_size):
    volume = _volume(256)[..., :16]
    _assert_exact(volume, _network(kind), sw_batch_size=sw_batch_size)


class _Level(nn.Module):
    """Takes odd sizes: the coarse level drops the last voxel, or spans beyond it."""

    def __init__(self, down):
        super().__init__()
        self.down = nn.Sequential(down, ThumbnailInstanceNorm3d(4), nn.LeakyReLU())
        self.up = nn.Upsample(scale_factor=2)
        self.out = nn.Sequential(
            nn.Conv3d(5, 4, 3, padding=1),
            ThumbnailInstanceNorm3d(4),
            nn.Conv3d(4, 2, 3, padding=1),
        )

    def forward(self, x):
        coarse = self.up(self.down(x))
        missing = [x.shape[axis] - coarse.shape[axis] for axis in (-1, -2, -3)]
        sides = [side for end in missing for side in (0, end)]
        coarse = nn.functional.pad(coarse, sides, mode="constant")
        return self.out(torch.cat([x, coarse], 1))


@pytest.mark.parametrize("sw_batch_size", [1, 100])
@pytest.mark.parametrize(
    "down", [nn.Conv3d(1, 4, 2, stride=2), nn.Conv3d(1, 4, 3, stride=2, padding=1)]
)
@torch.no_grad()
def test_exact_statistics_are_exact_at_odd_sizes(down, sw_batch_size):
    volume = _volume(151)[..., :33, :31]
    volume = torch.cat([volume, volume[..., :2, :] + 9], 3)
    _assert_exact(volume, _Level(down), sw_batch_size=sw_batch_size)


@torch.no_grad()
def test_what_pads_a_volume_is_not_measured():
    network = nn.Sequential(
        ThumbnailInstanceNorm3d(1),
        nn.Conv3d(1, 4, 2, stride=2),
        ThumbnailInstanceNorm3d(4),
        nn.ConvTranspose3d(4, 1, 2, stride=2),
    )
    volume = _volume(97)[..., :31, :]
    volume[:, :, -1] += 30
    first, *rest = network
    normed = InstanceNorm3d(1)(volume)
    wanted = nn.Sequential(*rest)(pad_to_stride(normed, (2, 2, 2)))[..., :97, :31, :]
    for size in (1, 100):
        inferer = ThumbnailSlidingWindowInferer(WINDOW, size, statistics="exact")
        assert not first.is_frozen
        torch.testing.assert_close(
            inferer(volume, network), wanted, rtol=1e-4, atol=1e-4
        )


def _shapes_seen(inferer, volume, network):
    """Shapes with which a network is called, but for probes."""
    shapes = []
    hook = network.register_forward_pre_hook(
        lambda _module, inputs: (
            shapes.append(inputs[0].shape)
            if inputs[0].any() and inputs[0].isfinite().all()
            else None
        )
    )
    inferer(volume, network)
    hook.remove()
    return shapes


@pytest.mark.parametrize("statistics", ["tiles", "strided", "exact"])
@torch.no_grad()
def test_a_network_that_looks_far_sees_the_volume_once(statistics):
    register_norms()
    features = (2, 2, 2, 2, 2, 2)
    network = nets.BasicUNet(3, 1, 2, features, norm="thumbnail_instance").eval()
    volume = torch.randn(1, 1, 50, 41, 37)
    inferer = ThumbnailSlidingWindowInferer((32,) * 3, statistics=statistics)
    assert _shapes_seen(inferer, volume, network) == [volume.shape]
    difference = (inferer(volume, network) - network(volume)).abs().max()
    assert difference < 1e-5


@pytest.mark.parametrize("statistics", ["tiles", "exact"])
@pytest.mark.parametrize("sw_batch_size", [1, 3])
@torch.no_grad()
def test_no_more_windows_pass_at_once_than_allowed(statistics, sw_batch_size):
    inferer = ThumbnailSlidingWindowInferer(
        WINDOW, sw_batch_size, statistics=statistics, count=4
    )
    shapes = _shapes_seen(inferer, _volume(192), _network())
    assert max(shape[0] for shape in shapes) <= sw_batch_size
    assert max(shape[2:].numel() for shape in shapes) <= 40 * 32 * 32


@torch.no_grad()
def test_without_the_memory_for_the_volume_at_once_it_is_cut():
    network, volume, refused = _network(), _volume(64), []

    def refuse(_network, inputs):
        if inputs[0].numel() == volume.numel():
            refused.append(inputs)
            raise torch.OutOfMemoryError

    whole = network(volume)
    with network.register_forward_pre_hook(refuse):
        inferer = ThumbnailSlidingWindowInferer(WINDOW, statistics="exact")
        inferred = inferer(volume, network)
    assert len(refused) == 1
    torch.testing.assert_close(inferred, whole, rtol=0, atol=1e-4)


@pytest.mark.parametrize("surroundings", [True, False])
@torch.no_grad()
def test_statistics_do_not_depend_on_how_many_windows_pass_at_once(surroundings):
    network, volume = _network(), _volume(192)
    one, more = (
        ThumbnailSlidingWindowInferer(WINDOW, size, count=3, surroundings=surroundings)
        for size in (1, 3)
    )
    torch.testing.assert_close(one(volume, network), more(volume, network))


def _distance(volume, network, inferer):
    whole = network(volume)
    error = (inferer(volume, network) - whole).square().mean().sqrt()
    return float(error / whole.std())


@pytest.mark.parametrize(("statistics", "share"), [("tiles", 1 / 3), ("strided", 0.9)])
@torch.no_grad()
def test_tiles_come_closer_to_the_whole_volume(statistics, share):
    blocks = [
        (nn.Conv3d(n, 8, 3, padding=1), ThumbnailInstanceNorm3d(8), nn.LeakyReLU())
        for n in (1, 8)
    ]
    network, volume = nn.Sequential(*(m for block in blocks for m in block)), _volume()
    per_tile = SlidingWindowInferer(WINDOW, overlap=0.5, mode="gaussian")
    ours = ThumbnailSlidingWindowInferer(WINDOW, statistics=statistics)
    assert _distance(volume, network, ours) < share * _distance(
        volume, network, per_tile
    )


@torch.no_grad()
def test_all_tiles_with_their_surroundings_come_close_to_exact():
    network, volume = _network(), _volume(192)
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


@pytest.mark.parametrize(
    "options", [{"statistics": "mean"}, {"count": 0}, {"with_coord": True}]
)
def test_impossible_arguments_are_refused(options):
    with pytest.raises(ValueError, match="must be"):
        ThumbnailSlidingWindowInferer(WINDOW, **options)


def test_statistics_frozen_by_hand_are_not_used():
    network = _network()
    with frozen_statistics(network), torch.no_grad():
        assert torch.isfinite(
            ThumbnailSlidingWindowInferer(WINDOW)(_volume(), network)
        ).all()


@pytest.mark.parametrize("surroundings", [True, False])
@torch.no_grad()
def test_a_batch_with_different_histories_keeps_its_meta_data(surroundings):
    scans = [MetaTensor(torch.randn(1, 20, 20, 20)) for _ in range(2)]
    scans[0].meta["site"] = scans[1].meta["scanner"] = "A"
    scans[1].applied_operations = [{"class": "Flip"}]
    batch = list_data_collate([{"image": scan} for scan in scans])["image"]
    network = _network()
    inferer = ThumbnailSlidingWindowInferer(WINDOW, surroundings=surroundings)
    outputs, wanted = inferer(batch, network), inferer(batch.as_tensor(), network)
    assert isinstance(outputs, MetaTensor)
    assert outputs.is_batch
    assert torch.equal(outputs.affine, batch.affine)
    assert torch.equal(outputs.as_tensor(), wanted)
    assert type(wanted) is torch.Tensor


@torch.no_grad()
def test_meta_data_reach_all_outputs():
    class _Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = ThumbnailInstanceNorm3d(1)

        def forward(self, x):
            return {"one": self.norm(x), "two": x}

    inferer = ThumbnailSlidingWindowInferer(WINDOW, surroundings=False)
    volume = MetaTensor(torch.randn(1, 1, 16, 16, 16), meta={"site": "A"})
    outputs = inferer(volume, _Both())
    assert [outputs[name].meta["site"] for name in ("one", "two")] == ["A", "A"]


@torch.no_grad()
def test_a_compiled_network_gives_what_it_gave_before():
    network, volume = _network(), _volume(192)[..., :16, :16]
    inferer = ThumbnailSlidingWindowInferer(WINDOW, count=2)
    wanted = inferer(volume, network)
    compiled = torch.compile(network, backend="eager", dynamic=True)
    for _ in range(2):
        torch.testing.assert_close(inferer(volume, compiled), wanted)


@torch.no_grad()
def test_the_output_is_where_it_was_asked_for():
    network, volume = _network(), _volume(32)
    asked = ThumbnailSlidingWindowInferer(WINDOW, device="meta")
    assert asked(volume, network).device.type == "meta"
    assert asked(volume, network, device="cpu").device.type == "cpu"
    assert ThumbnailSlidingWindowInferer(WINDOW)(volume, network).device.type == "cpu"
    large = ThumbnailSlidingWindowInferer(WINDOW, cpu_thresh=1)
    assert large(volume, network).device.type == "cpu"


@pytest.mark.parametrize("surroundings", [True, False])
@pytest.mark.parametrize("statistics", ["tiles", "strided", "exact"])
def test_a_layer_in_two_places_is_refused(statistics, surroundings):
    norm = ThumbnailInstanceNorm3d(1)
    network = nn.Sequential(norm, nn.Tanh(), norm)
    inferer = ThumbnailSlidingWindowInferer(
        WINDOW, statistics=statistics, surroundings=surroundings
    )
    with pytest.raises(ValueError, match="several places"):
        inferer(_volume(32), network)


@pytest.mark.parametrize("shape", [(0, 1, 16, 16, 16), (1, 1, 0, 16, 16)])
def test_inputs_without_voxels_are_refused(shape):
    with pytest.raises(ValueError, match="no voxels"):
        ThumbnailSlidingWindowInferer(WINDOW)(torch.zeros(shape), _network())


def test_a_network_in_training_mode_is_not_spoiled():
    network = nn.Sequential(
        nn.Conv3d(1, 2, 3, padding=1), nn.BatchNorm3d(2), ThumbnailInstanceNorm3d(2)
    )
    with pytest.raises(ValueError, match="training mode"):
        ThumbnailSlidingWindowInferer(WINDOW)(torch.randn(1, 1, 32, 32, 32), network)
    assert torch.equal(network[1].running_mean, torch.zeros(2))
    assert network.training


def test_a_network_that_returns_labels_is_refused():
    class _Labels(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = _network()

        def forward(self, x):
            return self.network(x).argmax(1, keepdim=True)

    with pytest.raises(ValueError, match="logits"):
        ThumbnailSlidingWindowInferer(WINDOW)(_volume(32), _Labels())
