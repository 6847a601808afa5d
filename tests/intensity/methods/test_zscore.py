"""The image-level norms: laws, groups, references."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.errors import IntensityError
from medinorm.intensity import (
    Moments,
    Policy,
    fit_adaptive,
    fit_group,
    fit_instance,
    fit_layer,
    fit_population,
    measure_foreground,
    merge_moments,
    name_groups,
    pool_moments,
)

IMAGE = Policy("image")
RNG = np.random.default_rng(0)
SCAN = RNG.gamma(2.0, 50.0, (3, 9, 10, 11))
gains = st.floats(0.1, 1e3)
offsets = st.floats(-1e3, 1e3)


@pytest.mark.parametrize("fit", [fit_instance, fit_layer])
@given(gain=gains, offset=offsets)
def test_scanner_gain_and_offset_vanish(fit, gain, offset):
    scaled = gain * SCAN + offset
    np.testing.assert_allclose(
        fit(scaled, IMAGE).apply(scaled), fit(SCAN, IMAGE).apply(SCAN), atol=1e-4
    )


@given(gain=gains, offset=offsets, alpha=st.floats(0.1, 1))
def test_inverse_of_any_of_them_is_the_way_back(gain, offset, alpha):
    scan = gain * SCAN + offset
    target = measure_foreground(SCAN[::-1] + 5, IMAGE)
    for map_ in (
        fit_instance(scan, IMAGE),
        fit_group(scan, [[0, 2], [1]], IMAGE),
        fit_adaptive(scan, target, IMAGE, alpha=alpha),
    ):
        back = map_.inverse().apply(map_.apply(scan))
        np.testing.assert_allclose(back, scan, atol=1e-5 * np.abs(scan).max())


def test_groups_share_what_layers_share_within_them():
    mapped = fit_group(SCAN, [[0, 2], [1]], IMAGE).apply(SCAN)
    np.testing.assert_allclose(
        mapped[[0, 2]], fit_layer(SCAN[[0, 2]], IMAGE).apply(SCAN[[0, 2]])
    )
    np.testing.assert_allclose(
        mapped[1:2], fit_instance(SCAN[1:2], IMAGE).apply(SCAN[1:2])
    )
    pair = SCAN[[0, 2]]
    np.testing.assert_allclose(
        mapped[[0, 2]], (pair - pair.mean()) / pair.std(), atol=1e-6
    )


@pytest.mark.parametrize("groups", [[[0]], [[0, 1], [1, 2]], [[0, 1, 3], [2]], []])
def test_groups_hold_each_channel_once(groups):
    with pytest.raises(IntensityError, match="each of the 3 channels once"):
        fit_group(SCAN, groups, IMAGE)


def test_groups_by_name():
    assert name_groups("abc", [["c", "a"], ["b"]]) == ((2, 0), (1,))
    with pytest.raises(IntensityError, match="no channel is called 'd'"):
        name_groups("abc", [["d"]])


def test_a_group_is_constant_only_if_all_its_channels_are():
    scan = SCAN.copy()
    scan[0] = 5
    assert np.isfinite(fit_layer(scan, IMAGE).apply(scan)).all()
    with pytest.raises(IntensityError, match="all 990 foreground voxels are 5"):
        fit_instance(scan, IMAGE)
    mapped = fit_instance(scan, Policy("image", constant="zeros")).apply(scan)
    np.testing.assert_array_equal(mapped[0], 0)
    assert abs(mapped[1].std() - 1) < 1e-5


def test_population_is_the_z_score_of_all_voxels_of_all_scans():
    scans = [SCAN, 3 * SCAN[:, :4] + 2, SCAN[:, 1:, 2:] - 40]
    parts = [measure_foreground(scan, Policy("positive")) for scan in scans]
    fitted = fit_population(parts, Policy("positive"))
    for channel in range(3):
        values = np.concatenate([s[channel][s[channel] > 0].ravel() for s in scans])
        np.testing.assert_allclose(fitted.offset[channel], values.mean(), rtol=1e-12)
        np.testing.assert_allclose(fitted.scale[channel], values.std(), rtol=1e-12)


def test_nothing_measured_is_nothing_to_fit():
    with pytest.raises(IntensityError, match="no scan was measured"):
        fit_population([], IMAGE)
    one, three = (measure_foreground(scan, IMAGE) for scan in (SCAN[:1], SCAN))
    with pytest.raises(IntensityError, match="number of channels"):
        fit_population([one, three], IMAGE)


def test_merged_is_pooled_and_pooled_weighs_scans_alike():
    big, small = measure_foreground(SCAN, IMAGE), measure_foreground(SCAN[:, :2], IMAGE)
    merged, pooled = merge_moments([big, small]), pool_moments([big, small])
    whole = np.concatenate([SCAN, SCAN[:, :2]], axis=1).reshape(3, -1)
    np.testing.assert_allclose(merged.mean, whole.mean(1))
    np.testing.assert_allclose(merged.std, whole.std(1))
    np.testing.assert_allclose(pooled.mean, np.mean([big.mean, small.mean], axis=0))
    variances = np.square([big.std, small.std])
    between = np.var([big.mean, small.mean], axis=0)
    np.testing.assert_allclose(np.square(pooled.std), variances.mean(0) + between)


@given(alpha=st.floats(0, 1))
def test_adaptive_blends_the_scan_with_the_look_of_the_reference(alpha):
    target = measure_foreground(SCAN[::-1] * 2 + 9, IMAGE)
    mapped = fit_adaptive(SCAN, target, IMAGE, alpha=alpha).apply(SCAN)
    own = measure_foreground(SCAN, IMAGE)
    whole = fit_instance(SCAN, IMAGE).apply(SCAN).astype(float)
    for c in range(3):
        full = whole[c] * target.std[c] + target.mean[c]
        np.testing.assert_allclose(
            mapped[c], (1 - alpha) * SCAN[c] + alpha * full, atol=1e-3
        )
    expected = (1 - alpha) * np.array(own.mean) + alpha * np.array(target.mean)
    np.testing.assert_allclose(measure_foreground(mapped, IMAGE).mean, expected, 1e-5)


def test_one_reference_and_k_equal_references_are_the_same():
    target = measure_foreground(SCAN[::-1], IMAGE)
    one = fit_adaptive(SCAN, target, IMAGE)
    many = fit_adaptive(SCAN, pool_moments([target] * 5), IMAGE)
    np.testing.assert_allclose(one.offset, many.offset)
    np.testing.assert_allclose(one.scale, many.scale)


def test_references_that_do_not_fit_are_refused():
    target = measure_foreground(SCAN[:1], IMAGE)
    with pytest.raises(IntensityError, match="have 1 channels, the scan 3"):
        fit_adaptive(SCAN, target, IMAGE)
    with pytest.raises(IntensityError, match="alpha must be between 0 and 1, not 2"):
        fit_adaptive(SCAN[:1], target, IMAGE, alpha=2)
    with pytest.raises(IntensityError, match="a reference is constant"):
        fit_adaptive(SCAN[:1], Moments((9,), (5.0,), (0.0,)), IMAGE)


def test_order_in_memory_makes_no_difference():
    scan = SCAN.astype(np.float32)
    turned = np.asfortranarray(scan)
    strided = np.repeat(scan, 2, axis=2)[:, :, ::2]
    flipped = scan[:, ::-1].copy()[:, ::-1]
    mask = scan > np.median(scan)
    expected = fit_instance(scan, Policy("file"), mask).apply(scan)
    for other in (turned, strided, flipped, scan.byteswap().view(">f4")):
        mapped = fit_instance(other, Policy("file"), mask).apply(other)
        np.testing.assert_allclose(mapped, expected, rtol=1e-5, atol=1e-6)
    mapped = fit_instance(turned, IMAGE).apply(turned)
    assert mapped.flags.f_contiguous


def test_a_missing_channel_has_no_say_in_its_group():
    scan = np.abs(SCAN)
    scan[1] = 0
    for foreground in ("image", "positive"):
        policy = Policy(foreground, constant="zeros")
        mapped = fit_layer(scan, policy).apply(scan)
        np.testing.assert_array_equal(mapped[1], 0)
        others = scan[[0, 2]]
        expected = fit_layer(others, policy).apply(others)
        np.testing.assert_array_equal(mapped[[0, 2]], expected)


def test_a_missing_channel_has_no_say_in_the_population():
    policy = Policy("positive", constant="zeros")
    whole = np.abs(SCAN)
    partial = 2 * whole
    partial[1] = 0
    parts = [measure_foreground(scan, policy) for scan in (whole, partial)]
    fitted, alone = fit_population(parts, policy), fit_population(parts[:1], policy)
    assert fitted.offset[1] == alone.offset[1]
    assert fitted.offset[0] > alone.offset[0]
