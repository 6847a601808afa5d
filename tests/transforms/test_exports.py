"""What `medinorm.transforms` exports: every transform, and one for every method."""

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


def test_every_transform_is_exported():
    written = set()
    for entry in iter_modules(transforms.__path__, f"{transforms.__name__}."):
        module = import_module(entry.name)
        for name, value in vars(module).items():
            own = inspect.isclass(value) and value.__module__ == module.__name__
            if own and issubclass(value, Transform):
                written.add(name)
    assert set(transforms.__all__) == written - SHARED


@pytest.mark.parametrize("name", sorted(INTENSITY_DECLARATIONS.keys() - {"none"}))
def test_every_method_has_a_transform(name):
    facts = INTENSITY_DECLARATIONS[name].facts
    transform = facts["transform"]
    for_keys = getattr(transforms, f"{transform}d")
    assert issubclass(for_keys, OnKeys)
    assert for_keys.array_transform is getattr(transforms, transform)
    assert for_keys.array_transform.measures == facts.get("measures", True)


def test_no_two_methods_have_the_same_transform():
    named = [
        method.facts.get("transform") for method in INTENSITY_DECLARATIONS.values()
    ]
    assert len(set(named)) == len(named)


def test_the_readme_lists_every_transform():
    text = README.read_text()
    arrays = {name for name in transforms.__all__ if not name.endswith("d")}
    assert not {name for name in arrays if f"`{name}`" not in text}
