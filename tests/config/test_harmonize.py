"""Jobs depend on the settings that their method uses, and on no others."""

from typing import get_args

import pytest

from medinorm.choices import UNMEASURED_INTENSITIES, IntensityName
from medinorm.config import HarmonizeConfig, IntensityOptions


@pytest.mark.parametrize("name", get_args(IntensityName))
def test_flags_change_with_what_a_method_uses_and_nothing_else(name):
    plain = HarmonizeConfig()
    masked = HarmonizeConfig(foreground="image")
    uses_mask = plain.used_by(name) != masked.used_by(name)
    assert uses_mask == (name not in UNMEASURED_INTENSITIES)
    assert plain.used_by(name, fitting=True) != masked.used_by(name, fitting=True)
    others = [other for other in IntensityOptions.model_fields if other != name]
    for other in others:
        field = next(iter(IntensityOptions.model_fields[other].annotation.model_fields))
        odd = {
            "channels": [["a"]],
            "percentiles": (3, 97),
            "references": 3,
            "classes": 3,
            "clusters": 3,
            "source": "exact",
            "quantiles": 7,
            "peak": "darkest",
            "tissue": "darkest",
            "low": -7,
            "center": 7,
        }[field]
        given = HarmonizeConfig(intensity_options={other: {field: odd}})
        assert given != plain
        assert given.used_by(name) == plain.used_by(name)
        assert given.record(name, fitting=False) == plain.record(name, fitting=False)
        assert given.used_by(other) != plain.used_by(other)
    packed = HarmonizeConfig(compress=True)
    assert packed.used_by(name) != plain.used_by(name)
    assert packed.used_by(name, fitting=True) == plain.used_by(name, fitting=True)


@pytest.mark.parametrize(
    ("name", "mapping", "fitting"),
    [
        ("zscore", True, True),
        ("population", False, True),
        ("cluster_instance", False, False),
        ("clip", False, False),
    ],
)
def test_constant_scans_matter_where_a_method_can_make_them_zeros(
    name, mapping, fitting
):
    settings = HarmonizeConfig()
    assert ("constant" in settings.keys_of(name, fitting=False)) == mapping
    assert ("constant" in settings.keys_of(name, fitting=True)) == fitting
