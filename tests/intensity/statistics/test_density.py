"""Histograms and their peaks, where the truth is known."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import gaussian_kde

from medinorm.errors import IntensityError
from medinorm.intensity.statistics.density import (
    count_values,
    find_peak,
    select_values,
    smooth_density,
)


def tissues(seed=0, levels=(20, 60, 100), counts=(2000, 5000, 4000), spread=6):
    rng = np.random.default_rng(seed)
    pairs = zip(levels, counts, strict=True)
    return np.concatenate([rng.normal(level, spread, count) for level, count in pairs])


@pytest.mark.parametrize(
    ("peak", "level"), [("darkest", 20), ("largest", 60), ("brightest", 100)]
)
@given(gain=st.floats(1e-3, 1e5), offset=st.floats(-100, 100), seed=st.integers(0, 9))
def test_each_peak_is_found_on_any_scale(peak, level, gain, offset, seed):
    found = (find_peak(gain * (tissues(seed) + offset), peak) / gain) - offset
    assert abs(found - level) < 3


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float16, np.float32])
def test_any_type(dtype):
    assert abs(find_peak(tissues().astype(dtype), "brightest") - 100) < 3


def test_few_levels_are_no_peaks():
    coarse = np.round(tissues(spread=12) / 4)
    peaks = [find_peak(coarse, peak) for peak in ("darkest", "largest", "brightest")]
    np.testing.assert_allclose(peaks, (5, 15, 25), atol=1.5)


def test_a_shoulder_is_a_peak_that_another_hides():
    values = tissues(levels=(0, 60, 90), counts=(500, 20_000, 12_000), spread=13)
    histogram = count_values(values)
    density = smooth_density(histogram)[histogram.means < 120]
    assert (np.diff(density[np.argmax(density) :]) <= 0).all()
    assert abs(find_peak(values, "brightest") - 90) < 8
    assert abs(find_peak(values, "largest") - 60) < 4


def test_the_edge_of_a_cut_foreground_is_no_peak():
    values = np.random.default_rng(0).normal(60, 15, 50_000)
    assert abs(find_peak(values[values > 48], "darkest") - 60) < 3


def test_bright_fat_and_vessels_are_not_the_brightest_tissue():
    rng = np.random.default_rng(1)
    bright = np.concatenate([rng.normal(180, 3, 350), [1e5, 2e5]])
    assert abs(find_peak(np.concatenate([tissues(), bright]), "brightest") - 100) < 3


def test_the_histogram_keeps_count_and_nearly_the_mean():
    values = tissues()
    histogram = count_values(values)
    assert histogram.counts.sum() == values.size
    mean = np.dot(histogram.counts, histogram.means) / values.size
    assert mean == pytest.approx(values.mean(), rel=1e-3)
    assert (np.diff(histogram.means) > 0).all()


def test_the_smooth_density_agrees_with_a_kernel_density_estimate():
    values = tissues()
    histogram = count_values(values)
    spread = min(values.std(), np.subtract(*np.quantile(values, (0.75, 0.25))) / 1.34)
    width = 0.9 * spread * values.size**-0.2 / values.std(ddof=1)
    theirs = gaussian_kde(values, bw_method=width)(histogram.means[::16])
    ours = smooth_density(histogram) / (values.size * histogram.step)
    inside = slice(4, -4)  # ours is mirrored at the ends
    assert np.abs(ours[::16] - theirs)[inside].max() < 0.01 * theirs.max()


def test_a_rising_density_has_no_brightest_peak():
    saturated = np.concatenate([np.linspace(0, 1, 100) ** 0.5, np.ones(900) * 0.999])
    with pytest.raises(IntensityError, match="no brightest peak"):
        find_peak(np.concatenate([saturated, saturated[:50] + 1e-3]), "brightest")


def test_unusable_foregrounds_are_refused():
    image = np.arange(1000.0).reshape(10, 10, 10)
    mask = np.zeros(image.shape, dtype=bool)
    mask[0, 0] = True
    with pytest.raises(IntensityError, match="only 10 voxels"):
        select_values(image, mask)
    with pytest.raises(IntensityError, match="all 1000 foreground voxels are 3"):
        select_values(np.full(image.shape, 3.0), None)
    with pytest.raises(IntensityError, match="resample the mask"):
        select_values(image, mask[:5])
    image[0, 0, 0] = np.inf
    with pytest.raises(IntensityError, match="1 infinite"):
        select_values(image, None)
    with pytest.raises(IntensityError, match="nearly all 2001 foreground voxels"):
        count_values(np.r_[np.zeros(2000), 1])


def test_tensors_are_taken_too():
    image = torch.arange(1000.0).reshape(10, 10, 10)
    assert select_values(image, image > 500).sum() == image[image > 500].sum()
