"""medinorm: which normalization lets a segmentation model survive a new scanner?

`medinorm.layers` holds the normalization layers (torch), `medinorm.intensity` the
image-level methods as functions of arrays (NumPy), `medinorm.transforms` the same
as transforms (MONAI). The workflow is the `Snakefile` over the command `medinorm`.
Importing this package costs nothing: its parts are loaded when they are first named.
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
