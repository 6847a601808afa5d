"""What is chosen is what is measured."""

import numpy as np
import pytest
import torch

from medinorm.errors import IntensityError
from medinorm.transforms import InstanceNormalize, InstanceNormalized
from medinorm.transforms.settings import make_policy
from tests.transforms.cases import every_measure, make, make_scan

REFUSED = {
    "background must be a number": ("InstanceNormalize", {"background": "0"}),
    "nonfinite_value must be": ("InstanceNormalize", {"nonfinite_value": "0"}),
    "largest must be True or False": ("InstanceNormalize", {"largest": "no"}),
    "percentiles must be two numbers": ("PercentileScale", {"percentiles": 99.0}),
    "percentiles must be two": ("PercentileScale", {"percentiles": (1, 50, 99)}),
    "gain must be two numbers": ("RandScannerContrast", {"gain": 1.2}),
    "there is no 'gian'; known: gain": ("RandScannerContrast", {"gian": (1, 2)}),
    "alpha must be two numbers": ("RandAdaptiveInstanceNormalize", {"alpha": 0.5}),
    "capacity must be 1": ("RandAdaptiveInstanceNormalize", {"capacity": 0}),
    "groups are lists of channels": ("GroupNormalize", {"groups": [0, 1]}),
    "groups are lists": ("GroupNormalize", {"groups": None}),
    "window must be finite": ("WindowIntensity", {"center": np.nan}),
    "1 quantiles cannot": ("HistogramMatch", {"quantiles": 1}),
}


@pytest.mark.parametrize("message", REFUSED)
def test_impossible_settings_are_refused_with_what_they_are(message):
    name, settings = REFUSED[message]
    with pytest.raises((ValueError, TypeError, IntensityError), match=message):
        make(name, **settings)


def test_numbers_may_be_those_of_numpy(scan):
    expected = make("PercentileScale", percentiles=(5.0, 95.0))(scan)
    same = make("PercentileScale", percentiles=np.array([5.0, 95.0]))(scan)
    assert torch.equal(same, expected)
    make("ThumbnailNormalize", size=np.int64(8))(scan)
    make("InstanceNormalize", background=np.float32(0))(scan)


@every_measure
def test_a_constant_scan_is_refused(name):
    constant = np.where(make_scan() > 0, np.float32(7), np.float32(0))
    if name == "PopulationNormalize":  # measures no scan that it maps
        assert make(name)(constant).isfinite().all()
        return
    with pytest.raises(IntensityError):
        make(name)(constant)


@pytest.mark.parametrize(
    "name",
    [
        "ClusterNormalize",
        "GroupNormalize",
        "HistogramMatch",
        "InstanceNormalize",
        "LayerNormalize",
        "NyulNormalize",
        "PercentileScale",
        "RegionNormalize",
        "ThumbnailNormalize",
        "WhiteStripeNormalize",
    ],
)
def test_a_constant_scan_becomes_zeros_by_policy(name):
    constant = np.full((2, 12, 12, 12), 7, dtype=np.float32)
    result = make(name, constant="zeros")(constant)
    assert torch.equal(result.as_tensor(), torch.zeros(2, 12, 12, 12))


def test_the_foreground_is_measured_and_all_voxels_are_mapped(scan):
    inside = scan.as_tensor() > 0
    result = InstanceNormalize(foreground="positive")(scan).as_tensor()
    for channel, mask in zip(result, inside, strict=True):
        assert abs(channel[mask].double().mean()) < 1e-6
        assert abs(channel[mask].double().std(correction=0) - 1) < 1e-6
        assert (channel[~mask] < -3).all()


def test_otsu_is_the_default(scan):
    assert make_policy().foreground == "otsu"
    default, otsu = InstanceNormalize(), InstanceNormalize(foreground="otsu")
    assert torch.equal(default(scan), otsu(scan))
    assert not torch.equal(default(scan), InstanceNormalize(foreground="image")(scan))


@every_measure
def test_background_is_chosen(name, scan):
    if name == "RegionNormalize":
        with pytest.raises(TypeError, match="takes no background"):
            make(name, background=-5.0)
        return
    result = make(name, background=-5.0)(scan)
    outside = scan.as_tensor() <= 0
    assert (result.as_tensor()[outside] == -5).all()
    with_background = make(name)(scan)
    torch.testing.assert_close(result[~outside], with_background[~outside])


@pytest.mark.parametrize("foreground", ["image", "positive", "otsu", "file"])
def test_background_for_every_foreground(foreground, scan):
    mask = scan.as_tensor() > 60 if foreground == "file" else None
    settings = {"foreground": foreground}
    with_background = InstanceNormalize(**settings)(scan, mask).as_tensor()
    result = InstanceNormalize(**settings, background=9.0)(scan, mask).as_tensor()
    changed = with_background != result
    assert (result[changed] == 9).all()
    assert bool(changed.any()) == (foreground != "image")


def test_the_largest_part_alone_is_measured(scan):
    scan[:, 0, 0, 0] = 1e6  # one bright voxel, far from the rest
    settings = {"foreground": "positive"}
    alone = InstanceNormalize(**settings, largest=True)(scan)
    both = InstanceNormalize(**settings)(scan)
    assert alone.std() > 10 * both[:, 1:].std()


@every_measure
def test_nan_is_left_out_by_policy(name, scan):
    scan[:, 5, 5, 5] = torch.nan
    result = make(name, nonfinite="ignore")(scan)
    assert torch.equal(result.isnan(), scan.isnan())
    mended = scan.nan_to_num(0)  # not positive, so in no foreground either
    expected = make(name)(mended)[~scan.isnan()]
    torch.testing.assert_close(result[~scan.isnan()], expected)


def test_nan_and_infinity_are_left_out_and_replaced_by_policy(scan):
    clean = InstanceNormalize(foreground="image")(scan[:, 1:])
    scan[:, 0] = torch.nan
    scan[:, 0, 0] = torch.inf
    ignore = {"foreground": "image", "nonfinite": "ignore"}
    left = InstanceNormalize(**ignore)(scan)
    torch.testing.assert_close(left[:, 1:], clean)
    assert left[:, 0, 1:].isnan().all()
    replaced = InstanceNormalize(**ignore, nonfinite_value=-7.0)(scan)
    torch.testing.assert_close(replaced[:, 1:], clean)
    assert (replaced[:, 0] == -7).all()


def test_a_mask_on_another_grid_is_refused(scan):
    normalize = InstanceNormalized("image", foreground="file", mask_key="brain")
    with pytest.raises(IntensityError, match="resample the mask"):
        normalize({"image": scan, "brain": scan[..., :-1] > 0})


def test_precise_far_from_zero():
    rng = np.random.default_rng(0)
    scan = rng.normal(1e6, 1, (1, 16, 16, 16))
    result = InstanceNormalize(foreground="image")(scan).numpy()
    np.testing.assert_allclose(result, (scan - scan.mean()) / scan.std(), atol=1e-5)


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ({"nonzero": True}, 'say foreground="nonzero"'),
        ({"channel_wise": True}, "each channel has a map of its own"),
        ({"lower": 1}, r"percentiles=\(lower, upper\)"),
        ({"backgruond": 0}, "known: background, constant, foreground"),
    ],
)
def test_settings_of_other_packages_are_refused_with_ours(option, hint):
    with pytest.raises(TypeError, match=hint):
        InstanceNormalize(**option)
