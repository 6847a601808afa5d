"""What each change of contrast does, and that the same draw gives the same voxels."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.errors import IntensityError
from medinorm.intensity.contrast import (
    Contrast,
    ContrastRanges,
    add_gaussian_noise,
    add_rician_noise,
    change_gamma,
    draw_contrast,
    draw_field,
    measure_range,
    thicken_slices,
)

RNG = np.random.default_rng(0)
SCAN = RNG.gamma(2.0, 50.0, (2, 16, 18, 20)).astype(np.float32)


def test_no_change_changes_nothing():
    mapped = Contrast().apply(SCAN)
    np.testing.assert_array_equal(mapped, SCAN)
    assert not np.shares_memory(mapped, SCAN)


@given(seed=st.integers(0, 2**32))
def test_the_same_draw_gives_the_same_voxels(seed):
    ranges = ContrastRanges(chance=0.8)
    drawn = draw_contrast(ranges, np.random.default_rng(seed))
    assert drawn == draw_contrast(ranges, np.random.default_rng(seed))
    before = SCAN.copy()
    first, again = drawn.apply(SCAN), drawn.apply(SCAN)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(SCAN, before)
    assert first.dtype == np.float32
    assert first.shape == SCAN.shape
    assert np.isfinite(first).all()


def test_draws_lie_in_their_ranges_and_happen_with_their_chance():
    ranges = ContrastRanges(thickness=(2, 3), bias=(0.1, 0.2), noise=(0.01, 0.02))
    rng = np.random.default_rng(0)
    drawn = [asdict(draw_contrast(ranges, rng)) for _ in range(400)]
    unchanged = asdict(Contrast())
    for name in ("gain", "offset", "gamma", "bias", "noise", "thickness"):
        values = [draw[name] for draw in drawn if draw[name] != unchanged[name]]
        low, high = getattr(ranges, name)
        assert low <= min(values) <= max(values) <= high
        assert len(values) / 400 == pytest.approx(0.5, abs=0.1)
    assert {draw["axis"] for draw in drawn} == {0, 1, 2}
    never = draw_contrast(replace(ranges, chance=0), rng)
    assert never == Contrast(axis=never.axis, seed=never.seed)


@pytest.mark.parametrize(
    "wrong",
    [
        {"gain": (0, 1)},
        {"gamma": (-1, 1)},
        {"noise": (-1, 1)},
        {"thickness": (0.5, 2)},
        {"bias": (0.3, 0.1)},
        {"offset": (0, np.inf)},
        {"chance": 2},
    ],
)
def test_impossible_ranges_are_refused(wrong):
    with pytest.raises(IntensityError):
        ContrastRanges(**wrong)


@given(gain=st.floats(0.1, 10), offset=st.floats(-1, 1))
def test_gain_and_offset_are_linear(gain, offset):
    low, high = measure_range(SCAN[0])
    mapped = Contrast(gain=gain, offset=offset).apply(SCAN[:1])
    expected = gain * SCAN[:1] + offset * (high - low)
    np.testing.assert_allclose(mapped, expected, rtol=1e-4, atol=1e-3)


@given(gamma=st.floats(0.3, 3))
def test_gamma_keeps_the_ends_the_order_and_can_be_undone(gamma):
    ordered = np.linspace(-5, 120, 500, dtype=np.float32)
    bent = change_gamma(ordered, gamma, (0, 100))
    assert (np.diff(bent) >= 0).all()
    ends = change_gamma(np.float32([0, 100]), gamma, (0, 100))
    np.testing.assert_allclose(ends, [0, 100], atol=1e-4)
    inside = change_gamma(np.float32([50]), gamma, (0, 100))
    assert (inside[0] < 50) == (gamma > 1) or gamma == pytest.approx(1, abs=1e-5)
    back = change_gamma(bent, 1 / gamma, (0, 100))
    np.testing.assert_allclose(back, ordered, rtol=1e-3, atol=1e-2)


def test_gamma_of_a_constant_image_changes_nothing():
    flat = np.full((1, 5, 5, 5), 7.0)
    np.testing.assert_array_equal(Contrast(gamma=2, bias=0.3).apply(flat), flat)


@pytest.mark.parametrize("shape", [(20, 30, 25), (40, 31)])
def test_the_field_is_smooth_and_as_strong_as_asked(shape):
    field = draw_field(shape, 0.4, np.random.default_rng(1))
    assert field.shape == shape
    assert np.abs(np.log(field)).max() == pytest.approx(0.4, rel=1e-4)
    for axis in range(len(shape)):
        assert np.abs(np.diff(field, axis=axis)).max() < 0.15 * np.ptp(field)


def test_channels_share_the_field_and_not_the_noise():
    twice = np.concatenate([SCAN[:1]] * 2)
    shaded = Contrast(bias=0.3, seed=5).apply(twice)
    np.testing.assert_array_equal(shaded[0], shaded[1])
    noisy = Contrast(noise=0.1, seed=5).apply(twice)
    assert not np.array_equal(noisy[0], noisy[1])


def test_gaussian_noise_has_its_deviation_and_no_mean():
    image = np.full((40, 40, 40), 50, dtype=np.float32)
    noise = add_gaussian_noise(image, 3.0, np.random.default_rng(0)) - image
    assert noise.mean() == pytest.approx(0, abs=0.05)
    assert noise.std() == pytest.approx(3, rel=0.01)


def test_rician_noise_raises_air_and_hardly_tissue():
    rng = np.random.default_rng(0)
    air = add_rician_noise(np.zeros((40, 40, 40), np.float32), 3.0, rng)
    assert air.min() >= 0
    assert air.mean() == pytest.approx(3 * np.sqrt(np.pi / 2), rel=0.01)  # Rayleigh
    tissue = add_rician_noise(np.full((40, 40, 40), 300, np.float32), 3.0, rng)
    assert tissue.mean() == pytest.approx(np.sqrt(300**2 + 3**2), rel=1e-3)
    assert tissue.std() == pytest.approx(3, rel=0.02)


def test_noise_is_a_share_of_the_range():
    low, high = measure_range(SCAN[0])
    mapped = Contrast(noise=0.05, rician=False).apply(SCAN[:1])
    assert (mapped - SCAN[:1]).std() == pytest.approx(0.05 * (high - low), rel=0.05)


@pytest.mark.parametrize("axis", [0, 1, 2])
@given(thickness=st.floats(1, 9), level=st.floats(-100, 100))
def test_thick_slices_keep_constants_and_other_axes(axis, thickness, level):
    flat = np.full((7, 8, 9), level, dtype=np.float32)
    np.testing.assert_allclose(
        thicken_slices(flat, thickness, axis), flat, rtol=1e-5, atol=1e-5
    )
    lines = np.moveaxis(np.broadcast_to(RNG.random((8, 9)), (7, 8, 9)), 0, axis)
    lines = np.ascontiguousarray(lines, dtype=np.float32)
    np.testing.assert_allclose(thicken_slices(lines, thickness, axis), lines, rtol=1e-5)


def test_slices_of_one_voxel_change_nothing_and_thicker_ones_blur():
    image = SCAN[0]
    np.testing.assert_allclose(thicken_slices(image, 1, 0), image, rtol=1e-5)
    spreads = [thicken_slices(image, n, 0).std() for n in (1, 2, 4, 8)]
    assert spreads == sorted(spreads, reverse=True)
    assert spreads[1] < 0.8 * spreads[0]


def test_a_slice_is_the_mean_over_its_thickness():
    image = np.arange(12, dtype=np.float32).reshape(12, 1, 1) ** 2
    thick = thicken_slices(image, 4, 0)[:, 0, 0]
    means = image.reshape(3, 4).mean(axis=1)
    assert thick[:2] == pytest.approx([means[0]] * 2)  # before the first centre
    assert thick[3] == pytest.approx(means[0] + 1.5 / 4 * (means[1] - means[0]))


def test_one_bright_voxel_does_not_set_the_range():
    spiked = SCAN[0].copy()
    spiked[3, 3, 3] = 1e6
    assert measure_range(spiked)[1] == pytest.approx(measure_range(SCAN[0])[1], rel=0.2)


@pytest.mark.parametrize("shape", [(320, 320, 24), (100, 100, 100), (24, 320, 320)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_padded_slices_along_any_axis_do_not_fill_the_sample(shape, axis):
    """Every n-th voxel would lie in a few slices, if n is their distance in memory."""
    scan = np.random.default_rng(0).normal(500, 100, shape).astype(np.float32)
    np.moveaxis(scan, axis, 0)[:3] = 0
    low, high = np.quantile(scan, (0.005, 0.995))
    for order in "CF":
        found = measure_range(np.asarray(scan, order=order))
        np.testing.assert_allclose(found, (low, high), atol=0.01 * (high - low))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_voxel_that_is_not_finite_is_refused(value):
    scan = np.random.default_rng(0).normal(500, 100, (1, 64, 64, 64))
    scan[0, 63, 1, 2] = value
    with pytest.raises(IntensityError, match=r"voxels are NaN and .* infinite"):
        Contrast().apply(scan.astype(np.float32))
