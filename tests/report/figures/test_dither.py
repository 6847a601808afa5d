"""No comb, and nothing else changed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from medinorm.report.figures.dither import spread_steps
from medinorm.report.figures.ridge_plot import Ridge, draw_ridges


def teeth(values, bins=96):
    """How often a histogram turns between rising and falling, by more than noise."""
    counts = np.histogram(values, bins, (values.min(), values.max()))[0]
    change = np.diff(counts)
    change = change[np.abs(change) > 6 * np.sqrt(counts.max())]
    return int((np.diff(np.sign(change)) != 0).sum())


@pytest.mark.parametrize("gain", [1.0, 0.013, 7.7])
def test_8_bit_images_have_no_comb(gain):
    generator = np.random.default_rng(0)
    stored = generator.normal(30, 8, 40_000).clip(0, 255).round()
    values = (stored * gain - 3).astype(np.float32)
    assert teeth(values) > 20
    assert teeth(spread_steps(values)) <= 1


def test_steps_may_differ_in_one_image():
    """Nyul's map has another slope in each part."""
    stored = np.random.default_rng(0).normal(40, 9, 40_000).round()
    values = np.where(stored < 40, stored, 40 + 3 * (stored - 40))
    spread = spread_steps(values)
    assert len(np.unique(spread)) > 30_000
    assert np.abs(spread - values).max() <= 3  # where a level has no voxel
    assert np.quantile(np.abs(spread - values), 0.999) <= 1.5


def test_a_map_that_bends_leaves_no_comb():
    """Landmarks may stretch a part of the intensities fifteen times as much."""
    stored = np.random.default_rng(0).normal(100, 15, 40_000).round()
    values = np.where(stored < 100, 0.2 * stored, 20 + 3 * (stored - 100))
    bins = np.linspace(*np.quantile(values, [0.01, 0.99]), 97)
    assert (np.histogram(values, bins)[0] == 0).sum() > 40
    assert (np.histogram(spread_steps(values), bins)[0] == 0).sum() == 0


def test_a_gap_without_voxels_stays_a_gap():
    values = np.repeat(np.concatenate([np.arange(20), np.arange(400, 420)]), 50)
    spread = spread_steps(values.astype(np.float64))
    assert not ((spread > 25) & (spread < 395)).any()


@given(arrays(np.float64, st.integers(0, 50), elements=st.integers(-20, 20)))
def test_each_value_stays_nearest_to_itself(values):
    spread = spread_steps(values)
    assert spread.shape == values.shape
    order = np.argsort(values, kind="stable")
    assert (np.diff(spread[order]) >= -1e-9).all()
    if values.size:
        steps = np.diff(np.unique(values))
        assert np.abs(spread - values).max() <= (max(steps) / 2 if steps.size else 0)


def test_values_that_repeat_nowhere_hardly_move():
    values = np.random.default_rng(0).normal(0, 1, 5000)
    assert np.abs(spread_steps(values) - values).max() == 0


def test_a_constant_stays():
    assert spread_steps(np.full(4, 2.0)).tolist() == [2.0] * 4


def test_a_curve_that_was_cut_is_whole():
    """The axis holds all but a few voxels in a thousand."""
    values = np.random.default_rng(0).normal(50, 5, 20_000)
    svg = draw_ridges([Ridge("A", {"x": values})], ["x"])
    path = svg.split('class="density')[0].rsplit('d="', 1)[1]
    first, last = path.split("L")[1], path.split("L")[-2]
    base = float(path.split("L")[0].split()[1])
    for point in (first, last):
        assert base - float(point.split()[1]) < 5  # of 72
