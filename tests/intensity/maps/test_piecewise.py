"""Laws of piecewise linear maps, whatever kind of array they are applied to."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from medinorm.errors import IntensityError
from medinorm.intensity.maps.piecewise import PiecewiseLinearMap, _Lines, merge_ties

RNG = np.random.default_rng(0)
BENT = PiecewiseLinearMap(((-20.0, 0.0, 5.0, 90.0),), ((0.0, 10.0, 60.0, 100.0),))


def random_map(knots, seed=0):
    rng = np.random.default_rng(seed)
    inputs = np.cumsum(rng.uniform(0.1, 5, knots))
    outputs = np.cumsum(rng.uniform(0.1, 2, knots))
    return PiecewiseLinearMap((tuple(inputs),), (tuple(outputs),))


def expected(map_, voxels):
    """The map by its definition, in float64."""
    x, y = np.array(map_.inputs[0]), np.array(map_.outputs[0])
    line = np.clip(np.searchsorted(x, voxels, side="right") - 1, 0, len(x) - 2)
    slopes = np.diff(y) / np.diff(x)
    return y[line] + slopes[line] * (np.asarray(voxels, dtype=float) - x[line])


@pytest.mark.parametrize("knots", [2, 3, 11, 17, 18, 40, 300, 1500])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int16])
def test_every_search_finds_the_line_of_every_voxel(knots, dtype):
    map_ = random_map(knots)
    x = np.array(map_.inputs[0])
    near = np.concatenate([np.nextafter(x, -np.inf), x, np.nextafter(x, np.inf)])
    voxels = np.concatenate([near, RNG.uniform(x[0] - 50, x[-1] + 50, 5000)])
    voxels = voxels.astype(dtype)
    mapped = map_.apply(voxels[np.newaxis])
    assert mapped.dtype == np.float32
    np.testing.assert_allclose(mapped[0], expected(map_, voxels), rtol=1e-6, atol=1e-6)


def test_knots_crowded_in_one_place_are_told_apart():
    x = np.concatenate([np.linspace(0, 1e-3, 50), [1e6]])
    map_ = PiecewiseLinearMap((tuple(x),), (tuple(np.linspace(0, 1, 51)),))
    voxels = np.linspace(-1e-3, 2e-3, 999)
    np.testing.assert_allclose(
        map_.apply(voxels[np.newaxis])[0], expected(map_, voxels), rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize(
    "dtype", ["u1", "i1", "<i2", ">i2", "<u2", ">u2", "<f2", ">f4", "?", "<i8"]
)
@pytest.mark.parametrize("count", [7, 70_000])
def test_a_table_gives_what_the_formula_gives(dtype, count):
    voxels = RNG.integers(0, 2, count) if dtype == "?" else RNG.integers(-99, 99, count)
    array = voxels.astype(dtype)
    mapped = BENT.apply(array[np.newaxis])
    np.testing.assert_allclose(mapped[0], expected(BENT, array), rtol=1e-6, atol=1e-6)


def test_half_precision_keeps_nan_and_infinity():
    array = np.full((1, 70_000), np.nan, dtype=np.float16)
    array[0, :3] = np.inf, -np.inf, 5
    mapped = BENT.apply(array)[0]
    assert mapped[:3].tolist() == [np.inf, -np.inf, 60]
    assert np.isnan(mapped[3:]).all()


@pytest.mark.parametrize("knots", [4, 300])
def test_nan_stays_and_infinity_follows_a_line(knots):
    array = np.array([[np.nan, np.inf, -np.inf, 3.0]], dtype=np.float32)
    mapped = random_map(knots).apply(array)[0]
    assert np.isnan(mapped[0])
    assert mapped[1:3].tolist() == [np.inf, -np.inf]
    assert np.isfinite(mapped[3])


def test_what_is_not_finite_and_the_background_can_be_replaced():
    map_ = PiecewiseLinearMap(BENT.inputs, BENT.outputs, background=-1, nonfinite=7)
    array = np.array([[np.nan, np.inf, 0.0, 90.0]], dtype=np.float32)
    mask = np.array([[True, True, True, False]])
    assert map_.apply(array, mask).tolist() == [[7, 7, 10, -1]]
    with pytest.raises(IntensityError, match="give it the foreground"):
        map_.apply(array)
    with pytest.raises(IntensityError, match="resample the mask"):
        map_.apply(array, mask[:, :2])


@pytest.mark.parametrize(
    "view",
    [
        np.asfortranarray,
        lambda array: array[:, ::-1, ::2],
        lambda array: array.transpose(0, 3, 1, 2),
        lambda array: array[:, :0],
    ],
)
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_any_layout_in_memory(view, dtype):
    array = view(RNG.integers(-99, 99, (2, 40, 41, 42)).astype(dtype))
    map_ = PiecewiseLinearMap(BENT.inputs * 2, BENT.outputs * 2)
    before = array.copy()
    np.testing.assert_allclose(map_.apply(array), expected(BENT, array), atol=1e-4)
    np.testing.assert_array_equal(array, before)


def test_each_channel_has_its_own_lines():
    map_ = PiecewiseLinearMap(((0.0, 1.0), (0.0, 1000.0)), ((0.0, 1.0), (0.0, 1.0)))
    mapped = map_.apply(np.array([[0.5], [500.0]]))
    assert mapped.tolist() == [[0.5], [0.5]]
    with pytest.raises(IntensityError, match="the map"):
        map_.apply(np.zeros((3, 4)))


def test_a_large_offset_does_not_cost_precision():
    x = 1e6 + np.linspace(-3, 3, 11)
    map_ = PiecewiseLinearMap((tuple(x),), (tuple(np.linspace(-3, 3, 11) ** 3),))
    voxels = RNG.normal(1e6, 1, 5000).astype(np.float32)
    np.testing.assert_allclose(map_.apply(voxels[None])[0], expected(map_, voxels))


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int16, torch.uint8]
)
def test_tensors_stay_tensors(dtype):
    tensor = torch.arange(60).reshape(1, 3, 4, 5).to(dtype)
    mapped = BENT.apply(tensor)
    assert isinstance(mapped, torch.Tensor)
    assert mapped.dtype == torch.float32
    np.testing.assert_allclose(
        mapped.numpy(), BENT.apply(tensor.float().numpy()), rtol=1e-6
    )


@pytest.mark.parametrize("knots", [2, 11, 300])
def test_the_accelerator_computes_the_same(knots):
    """Its formula, run on the CPU here."""
    map_ = random_map(knots)
    voxels = np.concatenate([RNG.uniform(-50, 900, 5000), map_.inputs[0], [np.nan]])
    tensor = torch.from_numpy(voxels.astype(np.float32))
    out = torch.empty_like(tensor)
    _Lines.through(map_.inputs[0], map_.outputs[0]).apply_tensor(tensor, out)
    np.testing.assert_allclose(out, map_.apply(tensor.numpy()[None])[0], rtol=1e-6)


@given(
    voxels=hnp.arrays(np.float64, 20, elements=st.floats(-1e3, 1e3)),
    knots=st.integers(2, 60),
    seed=st.integers(0, 99),
)
def test_rising_maps_keep_the_order_and_can_be_undone(voxels, knots, seed):
    map_ = random_map(knots, seed)
    ordered = np.sort(voxels)[np.newaxis]
    mapped = map_.apply(ordered)
    assert (np.diff(mapped) >= 0).all()
    np.testing.assert_allclose(
        map_.inverse().apply(mapped), ordered, rtol=1e-4, atol=2e-2
    )


def test_maps_that_merge_intensities_have_no_inverse():
    flat = PiecewiseLinearMap(((0.0, 1.0, 2.0),), ((0.0, 5.0, 5.0),))
    with pytest.raises(IntensityError, match="no inverse"):
        flat.inverse()
    with pytest.raises(IntensityError, match="no inverse"):
        PiecewiseLinearMap(BENT.inputs, BENT.outputs, background=0).inverse()


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ((1.0,), (1.0,), "2 or more pairs"),
        ((1.0, 2.0), (1.0,), "2 or more pairs"),
        ((1.0, 1.0), (1.0, 2.0), "rise strictly"),
        ((1.0, np.nan), (1.0, 2.0), "rise strictly"),
        ((1.0, 2.0), (1.0, np.inf), "finite"),
    ],
)
def test_impossible_knots_are_refused(inputs, outputs, message):
    with pytest.raises(IntensityError, match=message):
        PiecewiseLinearMap((inputs,), (outputs,))


@given(
    values=st.lists(st.integers(-50, 50), min_size=2, max_size=30).map(sorted),
)
def test_merged_ties_rise_and_keep_the_other_knots(values):
    outputs = np.arange(len(values), dtype=float)
    knots, merged = merge_ties(values, outputs)
    assert list(knots) == sorted(set(values))
    assert (np.diff(merged) > 0).all()
    for knot, value in zip(knots, merged, strict=True):
        assert value == np.mean(outputs[np.array(values) == knot])


def test_knots_apart_by_rounding_errors_are_ties():
    assert merge_ties([0, 1e-9, 1], [0, 1, 2]) == ((5e-10, 1.0), (0.5, 2.0))
