"""Histogram matching: what it promises, and agreement with SimpleITK."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from hypothesis import given
from hypothesis import strategies as st

from medinorm.errors import IntensityError
from medinorm.intensity.methods.histogram import fit_histogram, measure_histogram

RNG = np.random.default_rng(0)
SCAN = RNG.gamma(2.0, 50.0, (1, 20, 21, 22))
LOW, HIGH = np.quantile(SCAN, (0.005, 0.995))
INSIDE = (LOW < SCAN) & (SCAN < HIGH)
REFERENCE = RNG.normal(300, 40, (1, 25, 20, 20))


def matched(array, reference, masks=(None,)):
    return reference.map_for(array, masks).apply(array)


def reference_of(*arrays, scale=None):
    scans = [measure_histogram(array, [None] * len(array)) for array in arrays]
    return fit_histogram(scans, scale=scale)


def test_a_matched_scan_has_the_reference_distribution():
    mapped = matched(SCAN, reference_of(REFERENCE))
    shares = np.linspace(0.01, 0.99, 99)
    np.testing.assert_allclose(
        np.quantile(mapped, shares), np.quantile(REFERENCE, shares), atol=1.0
    )


def test_a_scan_matched_to_itself_stays():
    mapped = matched(SCAN, reference_of(SCAN))
    np.testing.assert_allclose(mapped, SCAN, rtol=1e-5)


@given(gain=st.floats(1e-2, 1e3), power=st.floats(0.5, 2))
def test_gain_and_gamma_of_a_scanner_vanish(gain, power):
    reference = reference_of(REFERENCE)
    changed = gain * SCAN**power
    np.testing.assert_allclose(
        matched(changed, reference)[INSIDE], matched(SCAN, reference)[INSIDE], atol=1.5
    )


def test_beyond_the_quantiles_the_slope_is_that_of_the_whole_range():
    scan = SCAN.copy()
    scan[0, 0, 0, 0] = 1e6
    mapped = matched(scan, reference_of(REFERENCE))
    source = np.array(measure_histogram(scan, [None]).values[0])
    target = np.array(reference_of(REFERENCE).values[0])
    slope = np.ptp(target) / np.ptp(source)
    assert mapped[0, 0, 0, 0] == pytest.approx(
        target[-1] + slope * (1e6 - source[-1]), rel=1e-5
    )


def test_the_mean_of_two_distributions_has_one_peak_between_theirs():
    low, high = (RNG.normal(middle, 5, (1, 20, 20, 20)) for middle in (100, 160))
    mean = np.array(reference_of(low, high).values[0])
    assert mean[128] == pytest.approx(130, abs=1)
    assert np.interp(0.841, np.linspace(0.001, 0.999, 256), mean) == pytest.approx(
        135, abs=1
    )


def test_on_a_scale_gains_do_not_weigh():
    one = reference_of(SCAN, REFERENCE, scale=(0, 1))
    other = reference_of(1e4 * SCAN, REFERENCE, scale=(0, 1))
    np.testing.assert_allclose(one.values, other.values, atol=1e-9)
    assert one.values[0][0] == 0
    assert one.values[0][-1] == pytest.approx(1)


def test_few_levels_of_intensity_become_as_many():
    scan = RNG.integers(0, 5, (1, 10, 10, 10)).astype(np.uint8)
    mapped = matched(scan, reference_of(REFERENCE))
    assert len(np.unique(mapped)) == 5
    order = [mapped[scan == level].mean() for level in range(5)]
    assert order == sorted(order)


def test_the_mask_restricts_what_is_measured():
    mask = np.zeros(SCAN.shape[1:], dtype=bool)
    mask[:10] = True
    scan = np.where(mask, SCAN, 0)
    mapped = matched(scan, reference_of(REFERENCE), [mask])
    assert np.median(mapped[0][mask]) == pytest.approx(np.median(REFERENCE), abs=1)


def test_unusable_scans_are_refused():
    with pytest.raises(IntensityError, match="nearly all foreground voxels are 0"):
        measure_histogram(np.eye(1, 5000), [None])
    with pytest.raises(IntensityError, match="1 voxels are NaN"):
        measure_histogram(np.r_[np.arange(200.0), np.nan][None], [None])
    with pytest.raises(IntensityError, match="0 scans"):
        fit_histogram([])
    with pytest.raises(IntensityError, match="2 scans share no quantiles"):
        fit_histogram([measure_histogram(SCAN, [None], n) for n in (10, 20)])


def test_agrees_with_simpleitk():
    """Its filter works on histograms, so it differs by about one of their bins."""
    theirs = sitk.GetArrayFromImage(
        sitk.HistogramMatching(
            sitk.GetImageFromArray(SCAN[0]),
            sitk.GetImageFromArray(REFERENCE[0]),
            numberOfHistogramLevels=2048,
            numberOfMatchPoints=255,
            thresholdAtMeanIntensity=False,
        )
    )
    ours = matched(SCAN, reference_of(REFERENCE))[0]
    assert np.abs(theirs - ours)[INSIDE[0]].max() < 0.02 * np.ptp(REFERENCE)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "u1"])
def test_quantiles_are_exact(dtype):
    array = (SCAN / SCAN.max() * 200).astype(dtype)
    expected = np.quantile(array.astype(float), np.linspace(0.001, 0.999, 256))
    found = measure_histogram(array, [None]).values[0]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_distribution_applies_to_any_scan():
    reference = reference_of(REFERENCE)
    scan = SCAN.astype(np.float32)
    expected = reference.map_for(scan, [None]).apply(scan)
    np.testing.assert_array_equal(reference.apply(scan), expected)
    tensor = reference.apply(torch.from_numpy(scan))
    np.testing.assert_array_equal(tensor.numpy(), expected)
    with pytest.raises(IntensityError, match="depends on the scan"):
        reference.inverse()


def test_scans_with_other_channels_are_refused():
    two = np.concatenate([SCAN, 2 * SCAN])
    with pytest.raises(IntensityError, match="has 2 channels, the map 1"):
        matched(two, reference_of(SCAN), [None, None])
    with pytest.raises(IntensityError, match="1 or 2 channels"):
        reference_of(SCAN, two)
