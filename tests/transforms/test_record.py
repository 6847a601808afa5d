"""A recorded map comes back from text, numbers and arrays."""

import numpy as np

from medinorm.intensity import LinearMap, Policy, fit_regions
from medinorm.transforms.record import record_map, recorded_map
from tests.transforms.cases import make_scan


def test_a_map_comes_back():
    intensity_map = LinearMap((1.0, 2.0), (3.0, 4.0))
    record = record_map(intensity_map)
    assert record.keys() == {"map"}
    assert isinstance(record["map"], str)
    assert recorded_map(record) == intensity_map


def test_regions_come_with_their_map():
    scan = make_scan()
    intensity_map = fit_regions(scan, Policy("image"), count=2)
    again = recorded_map(record_map(intensity_map))
    np.testing.assert_array_equal(again.apply(scan), intensity_map.apply(scan))
