"""A recipe fills what is absent; what is written stays."""

from typing import get_args

import pytest

from medinorm.config import TrainConfig
from medinorm.config.recipes import RECIPES, RecipeName
from medinorm.config.section import parse_section
from medinorm.errors import ConfigError


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_sets_its_keys(name):
    settings = TrainConfig(recipe=name)
    defaults = RECIPES[name].defaults
    assert {key: getattr(settings, key) for key in defaults} == dict(defaults)
    assert defaults.keys() == RECIPES["standard"].defaults.keys()
    assert defaults.keys() <= TrainConfig.model_fields.keys()


def test_the_defaults_that_pages_show_are_those_of_standard():
    for key, value in RECIPES["standard"].defaults.items():
        assert TrainConfig.model_fields[key].default == value
    assert TrainConfig() == TrainConfig(recipe="standard")
    assert set(RECIPES) == set(get_args(RecipeName))


def test_keys_that_are_written_override():
    settings = TrainConfig(recipe="fast", learning_rate=0.5)
    assert settings.learning_rate == 0.5
    assert settings.schedule == "one_cycle"


def test_an_unknown_recipe_is_refused_with_the_known():
    for recipe in ("fastt", ["fast"]):
        with pytest.raises(ConfigError, match=r"recipe: .*standard"):
            parse_section(TrainConfig, {"recipe": recipe})


@pytest.mark.parametrize(
    ("batch", "ratio", "patches", "share"),
    [(2, 0.33, 1, 0.5), (7, 0.33, 2, 2 / 7), (3, 0.0, 0, 0.0), (2, 1.0, 2, 1.0)],
)
def test_a_guaranteed_share_is_one_patch_or_more(batch, ratio, patches, share):
    settings = TrainConfig(batch_size=batch, foreground_ratio=ratio)
    assert settings.centred_patches == patches
    assert settings.centred_share == share
    assert TrainConfig(recipe="fast", foreground_ratio=ratio).centred_share == ratio
