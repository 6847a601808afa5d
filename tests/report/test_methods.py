"""The methods text knows every choice of the configuration."""

from typing import get_args

from medinorm.choices import AdaptName, DesignName, IntensityName, NormName
from medinorm.report import methods


def test_every_choice_is_defined():
    assert set(methods._NORMS) == set(get_args(NormName))
    assert set(methods._INTENSITIES) == set(get_args(IntensityName))
    assert set(methods._ADAPTS) | {"none"} == set(get_args(AdaptName))
    assert set(methods._DESIGNS) == set(get_args(DesignName))
