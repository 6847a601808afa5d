"""A reference comes back from JSON; a damaged one is refused."""

import json

import numpy as np
import pytest

from medinorm.expected.reference import Reference
from tests.expected.test_judge import REFERENCE


def test_a_reference_comes_back_from_json():
    values = json.loads(json.dumps(REFERENCE.to_json()))
    again = Reference.from_json(values)
    assert again.model == REFERENCE.model
    assert again.acquisition == REFERENCE.acquisition
    assert again.volumes == REFERENCE.volumes
    row = np.full(4, 3.0)
    one, two = (side.intensities.measure(row) for side in (again, REFERENCE))
    assert one.value == pytest.approx(two.value, rel=1e-4)
    assert again.features.keys() == REFERENCE.features.keys()


def test_a_reference_may_know_little():
    little = Reference(None, REFERENCE.acquisition, None)
    assert Reference.from_json(little.to_json()) == little


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("volumes", {"1": [3, 2]}),
        ("volumes", {"1": [0, float("nan")]}),
        ("volumes", {"x": [0, 1]}),
        ("features", {"seed-0": {"means": {}, "deviation": [], "limit": 1}}),
        ("acquisition", {"ranges": {"echo_time": [1]}, "words": {}}),
        ("model", {}),
    ],
)
def test_a_damaged_reference_is_refused(key, value):
    with pytest.raises((ValueError, KeyError)):
        Reference.from_json(REFERENCE.to_json() | {key: value})
