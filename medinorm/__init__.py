"""medinorm: which normalization still works on a scanner never seen in training?

`medinorm.layers` holds the normalization layers (torch), `medinorm.intensity` the
image-level methods as functions on arrays (NumPy), `medinorm.transforms` the same
methods as transforms (MONAI). The workflow is a `Snakefile` that calls the command
`medinorm`. Importing this package loads none of them: each is loaded when its name is
first used.
"""

from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"

_PARTS = ("intensity", "layers", "transforms")

__all__ = ["__version__", "intensity", "layers", "transforms"]


def __getattr__(name: str) -> ModuleType:
    """Import one of the public parts on first use (PEP 562)."""
    if name in _PARTS:
        return import_module(f"medinorm.{name}")
    raise AttributeError(f"module 'medinorm' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Name the public parts before they are imported too: `dir()`, tab completion."""
    return sorted({*globals(), *_PARTS})
