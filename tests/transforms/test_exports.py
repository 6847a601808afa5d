"""What `medinorm.transforms` exports: every transform, and those of the methods."""

import inspect
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from monai.transforms import Transform

from medinorm import transforms
from medinorm.method_names import INTENSITY_DECLARATIONS
from medinorm.transforms.on_keys import OnKeys

README = Path(__file__).parents[2] / "README.md"

# What others are made of.
SHARED = {
    "FittedTransform",
    "IntensityTransform",
    "InvertibleOnKeys",
    "MaskedTransform",
    "OnKeys",
    "RandomOnKeys",
}

# A method may do without one.
WITH_TRANSFORM = {
    name: method.facts["transform"]
    for name, method in INTENSITY_DECLARATIONS.items()
    if "transform" in method.facts
}


def test_every_transform_is_exported():
    written = set()
    for entry in iter_modules(transforms.__path__, f"{transforms.__name__}."):
        module = import_module(entry.name)
        for name, value in vars(module).items():
            own = inspect.isclass(value) and value.__module__ == module.__name__
            if own and issubclass(value, Transform):
                written.add(name)
    assert set(transforms.__all__) == written - SHARED


@pytest.mark.parametrize("name", WITH_TRANSFORM)
def test_a_method_has_the_transform_that_it_declares(name):
    facts = INTENSITY_DECLARATIONS[name].facts
    transform = WITH_TRANSFORM[name]
    for_keys = getattr(transforms, f"{transform}d")
    assert issubclass(for_keys, OnKeys)
    assert for_keys.array_transform is getattr(transforms, transform)
    assert for_keys.array_transform.measures == facts.get("measures", True)


def test_every_transform_is_that_of_a_method_or_random():
    arrays = {name for name in transforms.__all__ if not name.endswith("d")}
    fixed = {name for name in arrays if not name.startswith("Rand")}
    assert set(WITH_TRANSFORM.values()) == fixed


def test_no_two_methods_have_the_same_transform():
    assert len(set(WITH_TRANSFORM.values())) == len(WITH_TRANSFORM)


def test_the_readme_lists_every_transform():
    text = README.read_text()
    arrays = {name for name in transforms.__all__ if not name.endswith("d")}
    assert not {name for name in arrays if f"`{name}`" not in text}
