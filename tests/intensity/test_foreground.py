"""Foreground choices, and their agreement with the configuration."""

import tracemalloc
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from medinorm.choices import ForegroundName
from medinorm.errors import IntensityError
from medinorm.intensity import foreground
from medinorm.intensity.bias_field import BiasSettings, fit_bias_field
from medinorm.intensity.foreground import (
    FOREGROUNDS,
    Policy,
    find_foreground,
    find_masks,
    find_regions,
    otsu_threshold,
)
from medinorm.intensity.maps.linear import clip_map
from medinorm.intensity.methods.percentile import measure_quantiles
from medinorm.intensity.statistics.density import select_values
from medinorm.intensity.voxels.arrays import measure


def head(gain=1.0):
    rng = np.random.default_rng(0)
    image = np.abs(rng.normal(0, 5, (20, 20, 20)))
    image[5:15, 5:15, 5:15] = rng.normal(100, 10, (10, 10, 10))
    image[7, 7, 7] = 1e5
    return gain * image


def test_choices_are_those_of_the_configuration():
    given = {"label", "file"}
    assert set(FOREGROUNDS) | given == set(get_args(ForegroundName))


@pytest.mark.parametrize("gain", [1e-3, 1.0, 1e4])
def test_otsu_finds_the_head_whatever_the_gain_and_a_bright_voxel(gain):
    mask = find_foreground(head(gain), "otsu")
    inside = mask[5:15, 5:15, 5:15]
    assert inside.mean() > 0.999
    assert mask.sum() == inside.sum()


def test_fat_near_a_coil_does_not_push_brain_into_the_air():
    image = head()
    image[14:16, 4:16, 4:16] = 600  # a bright rim
    mask = find_foreground(image, "otsu")
    assert mask[5:14, 5:15, 5:15].mean() > 0.99


def test_regions_are_ordered_and_follow_gain_and_offset():
    image = head()
    image[5:15, 5:15, 5:8] = 300
    regions = find_regions(image, 4)
    assert set(np.unique(regions)) == {0, 1, 2, 3}
    means = [image[regions == value].mean() for value in range(4)]
    assert means == sorted(means)
    assert np.mean(find_regions(7 * image - 50, 4) == regions) > 0.999


def test_the_others_are_what_they_say():
    image = np.array([[[-1.0, 0.0, 2.0]]])
    assert find_foreground(image, "image").sum() == 3
    assert find_foreground(image, "nonzero").tolist() == [[[True, False, True]]]
    assert find_foreground(image, "positive").tolist() == [[[False, False, True]]]


def test_nothing_in_the_foreground_is_refused():
    with pytest.raises(IntensityError, match=r"no voxel .* 'positive'"):
        find_foreground(np.zeros((2, 2, 2)), "positive")


@pytest.mark.parametrize("count", [-1, 0, 1, 6, 40])
def test_too_few_or_too_many_classes_are_refused(count):
    with pytest.raises(IntensityError, match=rf"{count} classes .* 2 to 5"):
        find_regions(head(), count)


@pytest.mark.parametrize("outside", [np.nan, np.inf, -np.inf, 0])
@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_what_is_no_number_in_a_given_mask_is_outside(outside, kind):
    """As SPM writes masks: NaN where there is no brain."""
    image = kind(head()[np.newaxis])
    mask = np.full((20, 20, 20), float(outside))
    mask[5:15, 5:15, 5:15] = 0.7
    (found,) = find_masks(image, Policy("file"), kind(mask))
    assert int(found.sum()) == 1000
    for measured in (measure(image[0], kind(mask)), measure(image[0], found)):
        assert measured.count == 1000
    assert select_values(image[0], kind(mask)).size == 1000
    assert measure_quantiles(image[0], kind(mask), [0])[0] > 50
    mapped = clip_map(0, 1e6, 1)
    filled = replace(mapped, background=-1).apply(image, [kind(mask)])
    assert int((filled == -1).sum()) == 7000
    fields = [
        fit_bias_field(image, [part], BiasSettings(2, (2,))).fields[0]
        for part in (kind(mask), found)
    ]
    np.testing.assert_array_equal(*fields)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.uint16])
@pytest.mark.parametrize("seed", range(8))
def test_the_threshold_is_itks(seed, dtype, order):
    """To the last bit, without a copy of all voxels in double precision."""
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(5, 40)), 9, 7)
    dark = rng.random(shape) < rng.random()
    values = np.where(dark, rng.normal(10, 3, shape), rng.normal(100, 30, shape))
    channel = np.asarray(np.abs(values) * 10.0 ** rng.integers(-1, 3), dtype, order)
    roots, darkest = foreground._roots(channel)
    otsu = sitk.OtsuThresholdImageFilter()
    otsu.SetNumberOfHistogramBins(foreground._BINS)
    otsu.Execute(sitk.GetImageFromArray(roots.reshape(1, -1)))
    assert otsu_threshold(channel) == darkest + float(otsu.GetThreshold()) ** 2


def test_the_threshold_of_a_constant_image_is_its_value():
    assert otsu_threshold(np.full((4, 5, 6), 7, np.float32)) == 7


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int32])
@pytest.mark.parametrize("count", [1, 7, 5000, 300_000])
def test_what_otsu_takes_as_darkest_and_brightest_is_numpy_s(dtype, count):
    values = np.random.default_rng(count).gamma(2, 40, size=count).astype(dtype)
    for channel in (values, np.where(values < 60, 0, values).astype(dtype)):
        expected = np.quantile(channel, (0.001, 0.999)).tolist()
        assert list(foreground._extremes(channel)) == expected


def test_otsu_needs_no_copy_of_all_voxels():
    x, y, z = np.indices((128, 128, 128), dtype=np.float32)
    channel = (x * y + z) % 1000
    del x, y, z
    tracemalloc.start()
    otsu_threshold(channel)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.8 * channel.nbytes
