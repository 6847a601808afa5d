"""Recipes name keys of `train`, the same ones."""

from typing import get_args

from medinorm.config.recipes import RECIPES, RecipeName


def test_each_name_has_its_recipe_and_all_say_the_same_keys():
    assert set(RECIPES) == set(get_args(RecipeName))
    keys = [set(recipe.defaults) for recipe in RECIPES.values()]
    assert all(each == keys[0] for each in keys)
