"""Recipes: how networks are trained, each declared once as defaults of `train`."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from medinorm.choices import AugmentationName
from medinorm.config.numbers import AUTO, Auto

RecipeName = Literal["standard", "fast"]


@dataclass(frozen=True)
class Recipe:
    """A way to train.

    Args:
        text: what it is, in the words of a paper.
        augmentation: the one of a study that names none.
        defaults: keys of `train` with their values; keys that are set override them.
    """

    text: str
    augmentation: AugmentationName
    defaults: Mapping[str, Any]


RECIPES: Mapping[RecipeName, Recipe] = MappingProxyType(
    {
        "standard": Recipe(
            "the class of nnU-Net: strong augmentation, a falling learning rate, a "
            "guaranteed share of patches around labels, deep supervision where the "
            "network can",
            "standard",
            MappingProxyType(
                {
                    "optimizer": "adamw",
                    "schedule": "polynomial",
                    "learning_rate": 3e-3,
                    "weight_decay": 1e-5,
                    "deep_supervision": True,
                    "foreground_patches": "guaranteed",
                }
            ),
        ),
        "fast": Recipe(
            "for short runs: one cycle of the learning rate, a mirror only",
            "flip",
            MappingProxyType(
                {
                    "optimizer": "adamw",
                    "schedule": "one_cycle",
                    "learning_rate": 1e-2,
                    "weight_decay": 1e-5,
                    "deep_supervision": False,
                    "foreground_patches": "drawn",
                }
            ),
        ),
    }
)
"""The recipes by name. Any recipe sets the same keys."""


def fill_from_recipe(values: Any) -> Any:
    """The keys of a section, with those of its recipe where they are absent.

    Anything that is no section with a known recipe is left to the checks that follow.
    """
    if not isinstance(values, Mapping):
        return values
    recipe = values.get("recipe", "standard")
    if not isinstance(recipe, str) or recipe not in RECIPES:
        return values
    return {**RECIPES[recipe].defaults, **values}  # type: ignore[index]


def recipe_default(key: str) -> Any:
    """The value of a key in the default recipe."""
    return RECIPES["standard"].defaults[key]


def describe_defaults(key: str) -> str:
    """The values of a key by recipe, for its description.

    Examples:
        >>> describe_defaults("schedule")
        'Default: `polynomial` (standard), `one_cycle` (fast).'
    """
    values = (f"`{item.defaults[key]}` ({name})" for name, item in RECIPES.items())
    return f"Default: {', '.join(values)}."


def recipe_augmentation(train: Any) -> AugmentationName:
    """The augmentation of the recipe that a section `train` names, or of the default.

    Examples:
        >>> recipe_augmentation({"recipe": "fast"}), recipe_augmentation(None)
        ('flip', 'standard')
    """
    named = train.get("recipe") if isinstance(train, Mapping) else None
    return RECIPES["fast" if named == "fast" else "standard"].augmentation


def check_shares(batch_size: int | Auto, processes: int, precision: str) -> None:
    """Refuse a mini-batch that the processes of a run cannot share evenly.

    Args:
        batch_size: patches of the whole mini-batch.
        processes: devices of all nodes.
        precision: of the training.

    Raises:
        ValueError: they cannot; or the precision is `auto`, which several nodes could
            decide differently.
    """
    if processes > 1 and precision == AUTO:
        raise ValueError(
            "precision: auto is for one device; write 32-true or bf16-mixed"
        )
    if batch_size != AUTO and batch_size % processes:
        raise ValueError(
            f"batch_size: {batch_size} patches cannot be shared by {processes} devices "
            "(devices x nodes); write batch_size as a multiple of it"
        )
