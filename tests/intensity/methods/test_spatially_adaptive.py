"""Statistics by region."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.errors import IntensityError
from medinorm.intensity import Policy, fit_instance, fit_regions
from medinorm.intensity.methods.spatially_adaptive import RegionMap

IMAGE = Policy("image")
RNG = np.random.default_rng(0)
SCAN = RNG.gamma(2.0, 50.0, (2, 12, 11, 10))
REGIONS = RNG.integers(0, 4, SCAN.shape[1:], dtype=np.uint8)


def test_each_region_has_mean_0_and_standard_deviation_1():
    mapped = fit_regions(SCAN, IMAGE, regions=REGIONS).apply(SCAN)
    for channel in mapped:
        for number in range(4):
            values = channel[number == REGIONS].astype(float)
            assert abs(values.mean()) < 1e-6
            assert abs(values.std() - 1) < 1e-6


def test_one_region_is_the_z_score():
    one = np.zeros(SCAN.shape[1:], dtype=int)
    np.testing.assert_allclose(
        fit_regions(SCAN, IMAGE, regions=one).apply(SCAN),
        fit_instance(SCAN, IMAGE).apply(SCAN),
        atol=1e-6,
    )


@given(gain=st.floats(0.1, 1e3), offset=st.floats(-1e3, 1e3))
def test_gain_and_offset_vanish_and_the_inverse_is_the_way_back(gain, offset):
    scan = gain * SCAN + offset
    map_ = fit_regions(scan, IMAGE, regions=REGIONS)
    mapped = map_.apply(scan)
    expected = fit_regions(SCAN, IMAGE, regions=REGIONS).apply(SCAN)
    np.testing.assert_allclose(mapped, expected, atol=1e-4)
    back = map_.inverse().apply(mapped)
    np.testing.assert_allclose(back, scan, atol=1e-5 * np.abs(scan).max())


def test_without_a_region_map_there_are_classes_of_intensity():
    scan = RNG.normal(0, 1, (1, 20, 20, 20))
    scan[0, 8:] += 100
    scan[0, 14:] += 200
    map_ = fit_regions(scan, IMAGE, count=3)
    assert len(map_.offset[0]) == 3
    np.testing.assert_allclose(map_.offset[0], (0, 100, 300), atol=0.5)


def test_the_foreground_restricts_the_measurement():
    mask = RNG.random(SCAN.shape) < 0.5
    map_ = fit_regions(SCAN, Policy("file"), mask, regions=REGIONS)
    inside = SCAN[1][mask[1] & (REGIONS == 2)]
    np.testing.assert_allclose(map_.offset[1][2], inside.mean())
    np.testing.assert_allclose(map_.scale[1][2], inside.std())


def test_constant_air_loses_its_mean_only():
    scan = SCAN.copy()
    scan[:, :4] = 3
    regions = np.ones(SCAN.shape[1:], dtype=np.uint8)
    regions[:4] = 0
    mapped = fit_regions(scan, IMAGE, regions=regions).apply(scan)
    np.testing.assert_array_equal(mapped[:, :4], 0)
    assert abs(mapped[:, 4:].std() - 1) < 1e-5


def test_a_number_without_voxels_is_no_error():
    regions = np.where(REGIONS == 2, 3, REGIONS)
    assert fit_regions(SCAN, IMAGE, regions=regions).scale[0][2] == 1


@pytest.mark.parametrize("value", [-1, 256])
def test_numbers_beyond_a_byte_are_refused(value):
    with pytest.raises(IntensityError, match="from 0 to 255"):
        fit_regions(SCAN, IMAGE, regions=np.full(SCAN.shape[1:], value))


def test_another_grid_or_none_is_refused():
    with pytest.raises(IntensityError, match="the image 12x11x10"):
        fit_regions(SCAN, IMAGE, regions=REGIONS[1:])
    map_ = fit_regions(SCAN, IMAGE, regions=REGIONS)
    with pytest.raises(IntensityError, match="the image 2x11x11x10"):
        map_.apply(SCAN[:, 1:])
    with pytest.raises(IntensityError, match="region map is missing"):
        RegionMap(map_.offset, map_.scale).apply(SCAN)


@pytest.mark.parametrize("value", [0.5, np.nan, -1, 256])
def test_regions_are_whole_numbers(value):
    array = np.arange(8.0).reshape(1, 2, 4)
    regions = np.where(array > 5, value, 1.0)
    with pytest.raises(IntensityError, match="nearest-neighbour interpolation"):
        fit_regions(array, Policy("image"), regions=regions)


def test_regions_of_other_channels_are_refused():
    array = np.arange(8.0).reshape(2, 2, 2)
    with pytest.raises(IntensityError, match="the mask has 3x2x2 voxels"):
        fit_regions(array, Policy("image"), regions=np.ones((3, 2, 2)))
