"""Inputs that made other packages go wrong, through every method fitted on one scan.

An oracle in float64, written here, says what is right.
"""

import numpy as np
import pytest

from medinorm.errors import IntensityError
from medinorm.intensity import (
    Policy,
    clip_map,
    fit_adaptive,
    fit_group,
    fit_instance,
    fit_layer,
    fit_percentile,
    fit_regions,
    fit_thumbnail,
    measure_foreground,
    window_map,
)

IMAGE = Policy("image")
RNG = np.random.default_rng(0)
REFERENCE = measure_foreground(RNG.normal(7, 3, (1, 8, 8, 8)), IMAGE)


def fit_halves(array, policy, given=None):
    """Statistics of two regions: the halves of the volume."""
    regions = np.zeros(array.shape[1:], dtype=np.uint8)
    regions[array.shape[1] // 2 :] = 1
    return fit_regions(array, policy, given, regions=regions)


FITS = {
    "instance": fit_instance,
    "layer": fit_layer,
    "group": lambda array, *given: fit_group(array, [[0]], *given),
    "adaptive": lambda array, *given: fit_adaptive(array, REFERENCE, *given),
    "regions": fit_halves,
    "percentile": lambda array, *given: fit_percentile(array, (2, 98), *given),
    "thumbnail": fit_thumbnail,
}
every_fit = pytest.mark.parametrize("fit", FITS.values(), ids=FITS.keys())


def oracle(array):
    exact = array.astype(np.float64)
    return (exact - exact.mean()) / exact.std()


def head(dtype=np.float32, size=24):
    """Bright tissue in air of exactly 0."""
    rng = np.random.default_rng(1)
    array = np.zeros((1, size, size, size), dtype=dtype)
    inner = (slice(None), *[slice(size // 6, -size // 6)] * 3)
    array[inner] = rng.normal(200, 30, array[inner].shape).astype(dtype)
    return array


@every_fit
@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
@pytest.mark.parametrize("foreground", ["image", "nonzero", "otsu"])
def test_the_input_is_never_changed(fit, dtype, foreground):
    array = head(dtype)
    array.flags.writeable = False
    before = array.copy()
    mapped = fit(array, Policy(foreground)).apply(array)
    np.testing.assert_array_equal(array, before)
    assert not np.shares_memory(mapped, array)
    assert mapped.dtype == np.float32
    assert mapped.shape == array.shape


@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.float16])
def test_integers_and_halves_of_any_size(dtype, size):
    array = RNG.normal(900, 200, (1, size, size, size)).clip(0, 2000).astype(dtype)
    scores = fit_instance(array, IMAGE).apply(array)
    np.testing.assert_allclose(scores, oracle(array), atol=2e-6)
    low, high = np.percentile(array.astype(float), (1, 99))
    scaled = fit_percentile(array, (1, 99), IMAGE).apply(array)
    expected = ((array.astype(float) - low) / (high - low)).clip(0, 1)
    np.testing.assert_allclose(scaled, expected, atol=1e-6)


@every_fit
@pytest.mark.parametrize(
    ("value", "count"),
    [
        (np.nan, "1 voxels are NaN and 0 infinite"),
        (np.inf, "0 voxels are NaN and 1 infinite"),
        (-np.inf, "0 voxels are NaN and 1 infinite"),
    ],
)
@pytest.mark.parametrize("foreground", ["image", "nonzero", "positive", "otsu"])
def test_one_nan_or_infinity_is_refused_with_its_number(fit, value, count, foreground):
    array = head()
    array[0, 5, 6, 7] = value
    with pytest.raises(IntensityError, match=count):
        fit(array, Policy(foreground))


@every_fit
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("foreground", ["image", "nonzero", "positive", "otsu"])
def test_one_nan_or_infinity_is_left_out(fit, value, foreground):
    array = head()
    array[0, 12, 12, 12] = value
    policy = Policy(foreground, nonfinite="ignore", nonfinite_value=-7)
    mapped = fit(array, policy).apply(array)
    if fit is not fit_halves:
        assert mapped[0, 12, 12, 12] == -7
    others = np.isfinite(array)
    assert np.isfinite(mapped[others]).all()
    filled = array.copy()
    filled[~others] = array[others & (array > 0)].mean()
    expected = fit(filled, Policy(foreground)).apply(filled)
    np.testing.assert_allclose(mapped[others], expected[others], atol=5e-3)


def test_what_is_ignored_stays_unless_a_value_is_chosen():
    array = head()
    array[0, 12, 12, 12] = np.nan
    policy = Policy("nonzero", nonfinite="ignore")
    mapped = fit_instance(array, policy).apply(array)
    assert np.isnan(mapped).sum() == 1
    assert np.isnan(mapped[0, 12, 12, 12])


@every_fit
@pytest.mark.parametrize("value", [0.1, 1.1e6, -3.3, 300])
def test_a_constant_image_is_refused_or_becomes_zeros(fit, value):
    array = np.full((1, 25, 26, 27), value, dtype=np.float32)
    with pytest.raises(IntensityError, match=r"^all .*foreground voxels"):
        fit(array, IMAGE)
    mapped = fit(array, Policy("image", constant="zeros")).apply(array)
    if fit is FITS["adaptive"]:
        assert len(np.unique(mapped)) == 1  # the reference's mean
    else:
        np.testing.assert_array_equal(mapped, 0)


def test_flat_arrays_are_found_though_their_standard_deviation_is_above_0():
    """NumPy's own std of these is above 0; the trap of `std == 0`."""
    values = RNG.uniform(0.1, 1e4, 40).astype(np.float32)
    arrays = [np.full((1, 31, 7, 5), value) for value in values]
    assert sum(array.std() > 0 for array in arrays) > 5
    for array in arrays:
        with pytest.raises(IntensityError, match="all 1085 foreground voxels"):
            fit_instance(array, IMAGE)


@every_fit
@pytest.mark.parametrize("foreground", ["nonzero", "positive"])
def test_all_zero_has_no_foreground(fit, foreground):
    with pytest.raises(IntensityError, match="no voxel is in the foreground"):
        fit(np.zeros((1, 8, 8, 8), dtype=np.int16), Policy(foreground))


@every_fit
@pytest.mark.parametrize("value", [0, -3])
@pytest.mark.parametrize("nonfinite", ["refuse", "ignore"])
@pytest.mark.parametrize("foreground", ["image", "nonzero", "positive", "otsu"])
def test_a_missing_channel_becomes_zeros(fit, foreground, nonfinite, value):
    """As BraTS has them where a sequence was not acquired."""
    if fit in (FITS["adaptive"], FITS["group"]):
        pytest.skip("for one channel")
    scan = np.concatenate([head(), np.full_like(head(), value)])
    if nonfinite == "ignore":
        scan[:, 4, 4, 4] = np.nan
    policy = Policy(foreground, nonfinite=nonfinite, constant="zeros")
    mapped = fit(scan, policy).apply(scan)
    np.testing.assert_array_equal(mapped[1][np.isfinite(scan[1])], 0)
    np.testing.assert_array_equal(mapped[:1], fit(scan[:1], policy).apply(scan[:1]))


@every_fit
def test_zeros_are_no_excuse_for_an_empty_foreground(fit):
    policy = Policy("positive", constant="zeros")
    with pytest.raises(IntensityError, match="no voxel is in the foreground"):
        fit(-1 - head(), policy)
    if fit is not fit_halves:
        given = Policy("file", constant="zeros"), np.zeros_like(head())
        with pytest.raises(IntensityError, match="no voxel is in the foreground"):
            fit(0 * head(), *given)


@every_fit
def test_all_zero_is_constant(fit):
    array = np.zeros((1, 8, 8, 8), dtype=np.int16)
    with pytest.raises(IntensityError, match=r"^all .*foreground voxels"):
        fit(array, IMAGE)


def ct():
    """Body at -100 to 200 HU, air at -1024, padding outside the circle at -2000."""
    array = np.full((1, 40, 40, 20), -2000, dtype=np.int16)
    x, y = np.meshgrid(*[np.arange(40) - 19.5] * 2, indexing="ij")
    array[0, np.hypot(x, y) < 20] = -1024
    body = np.hypot(x, y) < 12
    array[0, body] = RNG.integers(-100, 200, (body.sum(), 20))
    return array, body


def test_ct_with_air_and_padding():
    array, body = ct()
    mask = np.broadcast_to(body[..., np.newaxis], array.shape[1:])
    fitted = fit_instance(array, Policy("file"), mask)
    mapped = fitted.apply(array)
    assert abs(mapped[0][mask].mean(dtype=float)) < 1e-6
    inside = array[0][mask].astype(float)
    expected = (array.astype(float) - inside.mean()) / inside.std()
    np.testing.assert_allclose(mapped, expected, rtol=1e-5, atol=1e-6)
    assert np.count_nonzero(array == -2000)


def test_ct_window_and_clip_leave_padding_no_say():
    array, body = ct()
    windowed = window_map(40, 400, 1).apply(array)
    np.testing.assert_array_equal(windowed[0][~body], 0)
    expected = ((array[0][body].astype(float) + 160) / 400).clip(0, 1)
    np.testing.assert_allclose(windowed[0][body], expected, atol=1e-6)
    clipped = clip_map(-1000, 1000, 1).apply(array)
    assert clipped.min() == -1000
    np.testing.assert_array_equal(clipped[0][body], array[0][body])


def test_otsu_finds_the_body_in_ct_once_padding_is_air():
    """Two classes cannot tell three apart: padding is clipped to air first."""
    array, body = ct()
    array = clip_map(-1024, 3071, 1).apply(array)
    fitted = fit_instance(array, Policy("otsu", largest=True))
    inside = array[0][body].astype(float)
    np.testing.assert_allclose(fitted.offset, inside.mean(), atol=1)
    np.testing.assert_allclose(fitted.scale, inside.std(), rtol=0.01)


def test_channels_at_1_to_1000_do_not_mix():
    one = head()
    array = np.concatenate([one, 1000 * one])
    mapped = fit_instance(array, Policy("nonzero")).apply(array)
    np.testing.assert_allclose(mapped[0], mapped[1], atol=1e-5)
    together = fit_layer(array, Policy("nonzero")).apply(array)
    values = array[array != 0].astype(float)
    np.testing.assert_allclose(
        together, (array.astype(float) - values.mean()) / values.std(), atol=1e-5
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mean", [1e6, -1e6])
def test_a_mean_of_a_million_keeps_a_contrast_of_1(dtype, mean):
    array = RNG.normal(mean, 1.0, (1, 48, 48, 48)).astype(dtype)
    mapped = fit_instance(array, IMAGE).apply(array)
    np.testing.assert_allclose(mapped, oracle(array), atol=1e-6)


def test_a_mean_of_a_million_among_zeros():
    """Blocks that begin with background must not cost the foreground its digits."""
    array = np.zeros((1, 48, 48, 48), dtype=np.float32)
    array[:, 20:] = RNG.normal(1e6, 1.0, array[:, 20:].shape)
    fitted = fit_instance(array, Policy("nonzero"))
    inside = array[array != 0].astype(np.float64)
    np.testing.assert_allclose(fitted.offset, inside.mean(), rtol=1e-14)
    np.testing.assert_allclose(fitted.scale, inside.std(), rtol=1e-9)


def test_more_than_2_to_the_24_voxels():
    """`torch.quantile` refuses them, and a float32 count stops there."""
    size = 257
    array = np.zeros((1, size, size, size), dtype=np.uint8)
    array[0] = np.arange(size, dtype=np.uint8)[:, np.newaxis]
    assert array.size > 2**24
    histogram = np.bincount(array[0, 0, :, 0], minlength=256) * size**2
    levels = np.arange(256)
    mean = (histogram * levels).sum() / array.size
    std = np.sqrt((histogram * (levels - mean) ** 2).sum() / array.size)
    moments = measure_foreground(array, IMAGE)
    assert moments.count == (array.size,)
    np.testing.assert_allclose((moments.mean[0], moments.std[0]), (mean, std))
    fitted = fit_percentile(array, (1, 99), IMAGE)
    cumulative = histogram.cumsum()
    low, high = np.searchsorted(
        cumulative, np.array([0.01, 0.99]) * (array.size - 1), side="right"
    )
    np.testing.assert_allclose(fitted.offset[0], low)
    np.testing.assert_allclose(fitted.scale[0], high - low)


@every_fit
@pytest.mark.parametrize("shape", [(24, 24, 23), (1, 24, 24, 25), (2, 24, 24, 24)])
@pytest.mark.parametrize("foreground", ["label", "file"])
def test_a_mask_on_another_grid_is_refused(fit, shape, foreground):
    with pytest.raises(IntensityError, match=r"the mask has .* voxels, the image"):
        fit(head(), Policy(foreground), np.ones(shape, dtype=np.uint8))


def test_a_map_refuses_a_mask_on_another_grid():
    array = head()
    fitted = fit_instance(array, Policy("nonzero", background=0))
    with pytest.raises(IntensityError, match="resample the mask"):
        fitted.apply(array, np.ones((1, 3, 3, 3), dtype=bool))


def test_the_mask_restricts_the_fit_and_the_background_is_chosen():
    array = head()
    mask = array != 0
    everywhere = fit_instance(array, Policy("nonzero")).apply(array)
    assert everywhere[~mask].max() < -4  # air by the map of tissue
    fitted = fit_instance(array, Policy("nonzero", background=-5))
    chosen = fitted.apply(array, mask)
    np.testing.assert_array_equal(chosen[~mask], -5)
    np.testing.assert_array_equal(chosen[mask], everywhere[mask])
    with pytest.raises(IntensityError, match="give it the foreground"):
        fitted.apply(array)
