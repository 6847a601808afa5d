import numpy as np
import pytest

from medinorm.config import InputConfig
from medinorm.demo.scanners import SCANNERS
from medinorm.demo.tissues import RELAXATION, TISSUES, vary_tissues


@pytest.mark.parametrize("field_strength", RELAXATION)
def test_every_field_strength_knows_every_tissue(field_strength):
    assert tuple(RELAXATION[field_strength]) == TISSUES


def test_every_scanner_has_its_tissues():
    assert {device.field_strength for device in SCANNERS.values()} <= set(RELAXATION)


def test_labels_of_the_configuration_are_the_first_tissues():
    assert tuple(InputConfig().label_values.values()) == TISSUES[:3]


@pytest.mark.parametrize("name", ["white matter", "gray matter"])
def test_t1_grows_with_the_field(name):
    times = [RELAXATION[field][name].t1 for field in sorted(RELAXATION)]
    assert times == sorted(times)


def test_people_differ_by_a_few_percent():
    times = [
        vary_tissues(3.0, np.random.default_rng(seed))["gray matter"].t1
        for seed in range(200)
    ]
    table = RELAXATION[3.0]["gray matter"].t1
    assert abs(np.mean(times) / table - 1) < 0.01
    assert 0.02 < np.std(times) / table < 0.04
