"""Jobs depend on the settings that their method uses, and on no others."""

from typing import Annotated, Literal, get_args, get_origin

import pytest

from medinorm.choices import UNMEASURED_INTENSITIES, IntensityName
from medinorm.config import HarmonizeConfig, IntensityOptions


def another_value(kind, default):
    """A value of an option's type that is not its default."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return another_value(parts[0], default)
    if origin is Literal:
        return next(word for word in parts if word != default)
    if origin is tuple:
        first, *others = default or [None]
        return (another_value(parts[0], first), *others)
    if kind is str:
        return f"{default or ''}a"
    if kind is float:
        return default / 2 or 0.5
    return kind(default - 1 if default > 1 else 1 - default)


@pytest.mark.parametrize("name", get_args(IntensityName))
def test_flags_change_with_what_a_method_uses_and_nothing_else(name):
    plain = HarmonizeConfig()
    masked = HarmonizeConfig(foreground="image")
    uses_mask = plain.used_by(name) != masked.used_by(name)
    assert uses_mask == (name not in UNMEASURED_INTENSITIES)
    assert plain.used_by(name, fitting=True) != masked.used_by(name, fitting=True)
    others = [other for other in IntensityOptions.model_fields if other != name]
    for other in others:
        section = IntensityOptions.model_fields[other].annotation
        option, field = next(iter(section.model_fields.items()))
        odd = another_value(field.annotation, field.default)
        given = HarmonizeConfig(intensity_options={other: {option: odd}})
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
