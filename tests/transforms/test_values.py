"""The numbers of each method, where the kernels' own tests do not already say them."""

import numpy as np
import pytest
import torch

from medinorm.errors import IntensityError
from medinorm.transforms import (
    ClipIntensity,
    GroupNormalize,
    LayerNormalize,
    NyulNormalize,
    PercentileScale,
    RegionNormalize,
    RegionNormalized,
    ThumbnailNormalize,
    WhiteStripeNormalize,
    WindowIntensity,
)
from tests.transforms.cases import CASES, make, make_scan

POSITIVE = {"foreground": "positive"}


def test_layer_keeps_differences_between_channels(scan):
    result = LayerNormalize(foreground="image")(scan)
    values = result.as_tensor().double()
    assert abs(values.mean()) < 1e-6
    assert abs(values.std(correction=0) - 1) < 1e-6
    assert values[0].mean() < values[1].mean()


def test_groups_by_name_and_by_number(scan):
    by_number = GroupNormalize([[0], [1]], **POSITIVE)(scan)
    by_name = GroupNormalize([["t1"], ["t2"]], ["t1", "t2"], **POSITIVE)(scan)
    assert torch.equal(by_number, by_name)
    together = GroupNormalize([[0, 1]], **POSITIVE)(scan)
    assert torch.equal(together, LayerNormalize(**POSITIVE)(scan))
    with pytest.raises(IntensityError, match="no channel is called 'pd'"):
        GroupNormalize([["pd"]], ["t1", "t2"])
    with pytest.raises(IntensityError, match="each of the 2 channels once"):
        GroupNormalize([[0]], **POSITIVE)(scan)


def test_percentiles_are_those_of_numpy(scan):
    result = PercentileScale((2, 98), **POSITIVE)(scan).numpy()
    for channel, mapped in zip(make_scan(), result, strict=True):
        low, high = np.percentile(channel[channel > 0].astype(float), (2, 98))
        expected = np.clip((channel - low) / (high - low), 0, 1)
        np.testing.assert_allclose(mapped, expected, atol=1e-6)


@pytest.mark.parametrize("percentiles", [(99, 1), (-1, 50), (50, 101)])
def test_refuses_impossible_percentiles(percentiles):
    with pytest.raises(ValueError, match="must rise"):
        PercentileScale(percentiles)


def test_regions_are_given_or_found(scan):
    halves = torch.zeros(scan.shape[1:], dtype=torch.uint8)
    halves[:, :, 8:] = 1
    transform = RegionNormalize(foreground="image")
    by_array = transform(scan, regions=halves)
    for part in (by_array[:, :, :, :8], by_array[:, :, :, 8:]):
        assert part.as_tensor().mean((1, 2, 3)).abs().max() < 1e-5
    by_key = RegionNormalized("image", region_key="atlas", foreground="image")
    data = by_key({"image": scan, "atlas": halves[None]})
    assert torch.equal(data["image"], by_array)
    back = by_key.inverse(data)["image"]
    torch.testing.assert_close(back.as_tensor(), scan.as_tensor(), rtol=0, atol=1e-3)
    found = RegionNormalize(2, foreground="image")(scan)
    assert not torch.equal(found, by_array)
    with pytest.raises(KeyError, match="atlas"):
        by_key({"image": scan})
    with pytest.raises(IntensityError, match="resample"):
        transform(scan, regions=halves[:-1])


def test_regions_cannot_be_restored_on_another_grid(scan):
    transform = RegionNormalize(**POSITIVE)
    with pytest.raises(IntensityError, match="voxels"):
        transform.inverse(transform(scan)[:, 1:])


def test_a_thumbnail_of_a_file_on_disk(tmp_path):
    path = tmp_path / "volume.npy"
    np.save(path, make_scan().round().astype(np.int16))
    volume = np.load(path, mmap_mode="r")
    exact = make("InstanceNormalize")(volume)
    assert torch.equal(make("ThumbnailNormalize", source="exact")(volume), exact)
    sizes = [
        float((make("ThumbnailNormalize", size=size)(volume) - exact).abs().max())
        for size in (24, 12)
    ]
    assert sizes[0] < 1e-5 < sizes[1] < 0.3
    tiles = ThumbnailNormalize("tiles", size=12, tiles=4, seed=1, **POSITIVE)
    assert torch.equal(tiles(volume), tiles(volume))
    assert not torch.equal(tiles(volume), exact)


def test_nan_is_seen_wherever_it_is(scan):
    scan[1, 0, 0, 1] = torch.inf
    with pytest.raises(IntensityError, match="1 infinite"):
        ThumbnailNormalize(size=4, foreground="image")(scan)


@pytest.mark.parametrize(
    ("make_one", "message"),
    [
        (lambda: ThumbnailNormalize("mean"), "source 'mean' is unknown; known: thumb"),
        (lambda: WhiteStripeNormalize("high"), "peak 'high' is unknown; known: dark"),
    ],
)
def test_unknown_choices_are_refused(make_one, message):
    with pytest.raises(ValueError, match=message):
        make_one()


def test_gain_and_offset_vanish(scan):
    changed = 3.5 * scan + 11
    names = ["InstanceNormalize", "PercentileScale", "WhiteStripeNormalize"]
    names += ["NyulNormalize", "AdaptiveInstanceNormalize", "HistogramMatch"]
    for name in names:
        case = CASES[name]
        options = {"foreground": "file", **case.masked}
        results = [
            make(name, **options)(one, scan.as_tensor() > 0) for one in (scan, changed)
        ]
        scale = results[0].std()
        torch.testing.assert_close(
            results[0] / scale, results[1] / scale, rtol=0, atol=2e-3
        )


def test_white_matter_is_at_zero(scan):
    result = WhiteStripeNormalize(**POSITIVE)(scan)
    white = result[:, 4:-4, 4:-4, 10:-3].as_tensor()
    gray = result[:, 4:-4, 4:-4, 3:7].as_tensor()
    for channel in range(2):
        assert abs(white[channel].median()) < 1.5
        assert gray[channel].median() < -5


def test_landmarks_meet(scan):
    other = torch.from_numpy(make_scan(5, gain=4.0))
    fitted = CASES["NyulNormalize"].arguments["fitted"]
    transform = NyulNormalize(fitted, **POSITIVE)
    for one in (scan, other):
        result = transform(one)[0]
        values = result.as_tensor()[one[0] > 0].double()
        found = torch.quantile(values, torch.tensor(fitted.percentiles).double() / 100)
        expected = torch.tensor(fitted.values[0]).double()
        # The median lies between two tissues, where lines bend and voxels are few.
        torch.testing.assert_close(found[2], expected[2], rtol=0.05, atol=0)
        tissues = [0, 1, 3, 4]
        torch.testing.assert_close(found[tissues], expected[tissues], rtol=0, atol=0.01)


def test_ct_windows():
    stored = np.array([[[-2000, -1024, -160, 40, 240, 3000]]], dtype=np.int16)
    window = WindowIntensity(center=40, width=400)(stored).numpy()
    np.testing.assert_allclose(window, [[[0, 0, 0, 0.5, 1, 1]]])
    clipped = ClipIntensity(-1000, 1000)(stored).numpy()
    np.testing.assert_allclose(clipped, [[[-1000, -1000, -160, 40, 240, 1000]]])
    for refused in (lambda: ClipIntensity(5, 5), lambda: WindowIntensity(40, 0)):
        with pytest.raises(IntensityError):
            refused()
    with pytest.raises(IntensityError, match="1 voxels are NaN"):
        ClipIntensity(0, 1)(np.array([[np.nan]]))
