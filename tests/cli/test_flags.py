"""Flags and sections are two spellings of the same thing."""

import argparse
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm import config
from medinorm.cli.flags import add_flags, read_flags, write_flags
from medinorm.config.section import Section
from medinorm.errors import ConfigError

SECTIONS = [
    kind
    for kind in vars(config).values()
    if isinstance(kind, type)
    and issubclass(kind, Section)
    and kind not in (Section, config.StudyConfig, config.ExperimentsConfig)
]


# Sections that mean nothing without some values.
LEAST = {
    config.PacsConfig: {"url": "https://pacs.example.org", "query": "patients.tsv"}
}


def parse(section, words):
    parser = argparse.ArgumentParser()
    add_flags(parser, section)
    return read_flags(parser.parse_args(words), section)


@pytest.mark.parametrize("section", SECTIONS)
def test_defaults_survive_the_command_line(section):
    value = section(**LEAST.get(section, {}))
    assert parse(section, shlex.split(write_flags(value))) == value
    if section not in LEAST:
        assert parse(section, []) == value


names = st.text(st.characters(blacklist_categories=("C", "Z")), min_size=1).filter(
    lambda text: not text.startswith("-")
)


@given(labels=st.dictionaries(st.integers(1, 255), names, min_size=1))
def test_label_names_survive_the_shell(labels):
    task = config.TaskConfig(label_values=labels)
    assert parse(config.TaskConfig, shlex.split(write_flags(task))) == task


@given(
    steps=st.integers(1, 10**6),
    rate=st.floats(1e-6, 1),
    channels=st.lists(st.integers(1, 512), min_size=2, max_size=6),
)
def test_numbers_and_nested_sections_survive(steps, rate, channels):
    network = config.NetworkConfig(channels=tuple(channels))
    train = config.TrainConfig(steps=steps, learning_rate=rate, network=network)
    assert parse(config.TrainConfig, shlex.split(write_flags(train))) == train


def test_a_bad_value_names_its_flag():
    with pytest.raises(ConfigError, match=r"steps: .*greater"):
        parse(config.TrainConfig, ["--steps", "0"])


def test_nested_section_that_is_not_json():
    with pytest.raises(ConfigError, match=r"network: not JSON; .*'unet'") as refused:
        parse(config.TrainConfig, ["--network", "unet"])
    assert """such as '{"name": "unet"}'""" in str(refused.value)
    with pytest.raises(ConfigError) as refused:
        parse(config.TrainConfig, ["--network", "/data/smith"])
    assert "smith" not in str(refused.value)


def test_help_speaks_of_settings_not_of_python():
    parser = argparse.ArgumentParser()
    for section in (config.AutoTrainConfig, config.AutoHarmonizeConfig):
        add_flags(parser, section)
    shown = " ".join(parser.format_help().split())
    assert "How each network is trained; the same for every variant:" in shown
    assert "The segmentation network. [see config/README.md]" in shown
    assert "[none]" in shown
    assert "[no]" in shown
    for word in ("TrainConfig", "[None]", "[False]", "[()]", "[]"):
        assert word not in shown
