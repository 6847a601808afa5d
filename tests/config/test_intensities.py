"""Each section of options is one method's, and has the options that it takes."""

import inspect
from importlib import import_module
from typing import get_args

import pytest

from medinorm.choices import INTENSITY_ALIASES, IntensityName
from medinorm.config import ExperimentsConfig, IntensityOptions
from medinorm.config.section import parse_section
from medinorm.errors import ConfigError
from medinorm.intensity.method import LEARNED, PER_SCAN
from medinorm.method_names import INTENSITY_DECLARATIONS


def arguments(name):
    """The options that a method takes, by its declaration."""
    import_module(INTENSITY_DECLARATIONS[name].module)
    if name in LEARNED:
        return set(inspect.signature(LEARNED[name].make).parameters)
    parameters = inspect.signature(PER_SCAN[name].make).parameters.values()
    return {one.name for one in parameters if one.kind is one.KEYWORD_ONLY}


@pytest.mark.parametrize("name", get_args(IntensityName))
def test_the_options_are_the_arguments_of_the_method(name):
    assert set(IntensityOptions().of(name)) == arguments(name)


def test_every_section_is_of_a_method():
    assert set(IntensityOptions.model_fields) < set(get_args(IntensityName))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"zscore": {}}, "zscore: unknown key"),
        ({"fcm": {"peak": "darkest"}}, "fcm.peak: unknown key; known keys: tissue"),
    ],
)
def test_options_that_no_method_takes_are_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        parse_section(IntensityOptions, values)


def test_another_name_of_a_method_becomes_its_own():
    found = parse_section(ExperimentsConfig, {"intensity": ["instance", "kde"]})
    assert found.intensity == ("zscore", "kde")
    with pytest.raises(ConfigError, match="names the same entry twice"):
        parse_section(ExperimentsConfig, {"intensity": ["instance", "zscore"]})
    words = ExperimentsConfig.model_json_schema()["properties"]["intensity"]
    assert {"instance", "zscore"} <= set(words["items"]["enum"])


def test_another_name_is_said_once_and_is_no_methods_own():
    assert INTENSITY_ALIASES == {"instance": "zscore"}
    assert not INTENSITY_ALIASES.keys() & set(get_args(IntensityName))
    text = ExperimentsConfig.model_fields["intensity"].description
    assert "`instance` is another name of `zscore`" in text
