"""Every kind of map goes through JSON and comes back."""

import json
from dataclasses import replace

import numpy as np
import pytest

from medinorm.errors import IntensityError
from medinorm.intensity import (
    MAPS,
    LinearMap,
    Policy,
    fit_clusters,
    fit_regions,
    map_from_dict,
    map_to_dict,
    measure_foreground,
)
from medinorm.intensity.maps.piecewise import PiecewiseLinearMap
from medinorm.intensity.methods.histogram import fit_histogram, measure_histogram
from medinorm.intensity.methods.nyul import fit_nyul, measure_landmarks

IMAGE = Policy("image")
RNG = np.random.default_rng(0)
SCANS = [RNG.gamma(2.0, 10.0 * k, (2, 9, 8, 7)) for k in range(1, 7)]
EXAMPLES = {
    "linear": LinearMap((1.5, 2.0), (3.0, 1e-3), limits=(0.0, 1.0), background=-1.0),
    "piecewise": PiecewiseLinearMap(((0.0, 1.0), (2.0, 5.0, 9.0)), ((0, 2), (1, 4, 5))),
    "regions": fit_regions(SCANS[0], IMAGE, count=3),
    "clusters": fit_clusters(
        [measure_foreground(scan, IMAGE) for scan in SCANS], 2, IMAGE
    ),
    "nyul": fit_nyul([measure_landmarks(scan, (None, None)) for scan in SCANS]),
    "quantiles": fit_histogram([measure_histogram(s, (None, None)) for s in SCANS]),
}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_there_and_back_through_json(kind):
    map_ = EXAMPLES[kind]
    text = json.dumps(map_to_dict(map_), allow_nan=False)
    again = map_from_dict(json.loads(text))
    assert again == map_
    assert hash(again) == hash(map_)
    if kind == "regions":
        again = replace(again, regions=map_.regions)
    masks = np.ones(SCANS[0].shape, dtype=bool)
    np.testing.assert_array_equal(
        again.apply(SCANS[0], masks), map_.apply(SCANS[0], masks)
    )


def test_every_kind_has_an_example():
    assert {type(map_) for map_ in EXAMPLES.values()} == set(MAPS.values())


def test_what_is_no_map_is_refused():
    with pytest.raises(IntensityError, match="a dict cannot be written"):
        map_to_dict({})
    with pytest.raises(IntensityError, match="unknown kind of map; known: linear"):
        map_from_dict({"kind": "cubic"})
    with pytest.raises(IntensityError, match="a linear map has the entries"):
        map_from_dict({"kind": "linear", "slope": 3})
