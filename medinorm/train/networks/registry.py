"""The networks by name, found where they are declared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any

from torch import nn

from medinorm.method_names import NETWORK_DECLARATIONS

MonaiNorm = tuple[str, dict[str, Any]]
Build = Callable[..., nn.Module]


@dataclass(frozen=True)
class Network:
    """A segmentation network.

    Args:
        name: its name in the configuration.
        text: what it is, in the words of a paper.
        uses: the options of `NetworkConfig` that it uses; others are refused.
        levels: the fewest levels that it can have.
        doubles: whether the channels must double from level to level.
        build: makes one from the configuration, the image channels, the classes, and
            the `norm` argument of MONAI's networks.
        deep: whether it can have outputs at lower resolutions; its `build` then takes
            `deep_supervision`, and in training the network gives a list of logits, the
            largest first.
        package: what must be importable; an extra of this package brings it.
    """

    name: str
    text: str
    uses: tuple[str, ...]
    levels: int
    doubles: bool
    build: Build
    deep: bool = False
    package: str = ""


def network(  # noqa: PLR0913  (what a network says of itself)
    name: str,
    text: str,
    *,
    uses: tuple[str, ...],
    levels: int = 2,
    doubles: bool = False,
    deep: bool = False,
    package: str = "",
) -> Callable[[Build], Network]:
    """Declare the function below as a network, see `Network`.

    The arguments must be literals: the configuration reads them from the text of the
    file, because importing it would import torch.
    """
    return lambda build: Network(
        name, text, uses, levels, doubles, build, deep, package
    )


@cache
def find_networks() -> Mapping[str, Network]:
    """All networks by name."""
    return MappingProxyType(
        {
            name: getattr(import_module(declared.module), declared.target)
            for name, declared in NETWORK_DECLARATIONS.items()
        }
    )
