"""The norms by the names used in configurations, here and in MONAI networks."""

import pkgutil
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from inspect import signature
from types import MappingProxyType, ModuleType
from typing import Any

from torch import nn

from medinorm.layers import norms, perturbations
from medinorm.layers.declare import (
    DECLARED_NORMS,
    DECLARED_PERTURBATIONS,
    NormDeclaration,
)
from medinorm.layers.perturbations.perturbation import StylePerturbation


def _import_modules(folder: ModuleType) -> None:
    """Import every module of a package, so that its classes declare themselves."""
    for module in pkgutil.iter_modules(folder.__path__):
        import_module(f"{folder.__name__}.{module.name}")


_import_modules(norms)
_import_modules(perturbations)

NORMS: Mapping[str, type[nn.Module]] = MappingProxyType(
    {
        declared.name: kind
        for kind, declared in sorted(
            DECLARED_NORMS.items(), key=lambda entry: entry[1].name
        )
    }
)
"""Every norm by its name in the configuration, in alphabetical order.

Each takes `num_features`; nothing else must be given."""

PERTURBATIONS: Mapping[str, type[StylePerturbation]] = MappingProxyType(
    {
        declared.name: kind
        for kind, declared in sorted(
            DECLARED_PERTURBATIONS.items(), key=lambda entry: entry[1].name
        )
    }
)
"""Every perturbation of styles by its name, in alphabetical order."""

DECLARATIONS: Mapping[str, NormDeclaration] = MappingProxyType(
    {
        declared.name: declared
        for declared in (*DECLARED_NORMS.values(), *DECLARED_PERTURBATIONS.values())
    }
)
"""The declaration of each norm and perturbation, by name."""


def monai_name(name: str) -> str:
    """The name by which a MONAI network knows a norm of ours.

    Raises:
        ValueError: there is no such norm.

    Examples:
        >>> monai_name("group"), monai_name("none")
        ('medinorm_group', 'none')
    """
    if name not in NORMS:
        known = ", ".join(sorted(NORMS))
        raise ValueError(f"norm must be one of {known}; not {name}")
    return DECLARATIONS[name].monai or name


def monai_norm(name: str, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """What the `norm` argument of a MONAI network takes for a norm of ours.

    Args:
        name: a key of `NORMS`.
        options: arguments of the norm beyond `num_features`.

    Raises:
        ValueError: there is no such norm.

    Examples:
        >>> monai_norm("group", {"num_groups": 4})
        ('medinorm_group', {'num_groups': 4})
    """
    return monai_name(name), dict(options)


def register_norms() -> None:
    """Make every norm known to MONAI networks by name.

    MONAI's own names keep their meaning: ``instance`` is still torch's instance norm,
    ours is ``medinorm_instance``. Calling it again changes nothing.

    Examples:
        >>> register_norms()
        >>> from monai.networks.layers import get_norm_layer
        >>> get_norm_layer("medinorm_layer", spatial_dims=3, channels=8)
        LayerNorm3d(8, eps=1e-05, affine=True)
    """
    # MONAI takes seconds to import and is not needed by the layers themselves.
    from monai.networks.layers.factories import Norm  # noqa: PLC0415

    known = set(Norm.names)
    for name, norm in NORMS.items():
        if monai_name(name).upper() not in known:
            Norm.add_factory_callable(monai_name(name), _for_axes(norm))


def _for_axes(kind: type[nn.Module]) -> Callable[..., Callable[..., nn.Module]]:
    """What MONAI asks for the class of a norm, given a number of spatial axes."""
    knows_axes = "spatial_dims" in signature(kind).parameters

    def choose(spatial_dims: int = 3) -> Callable[..., nn.Module]:
        if knows_axes and spatial_dims != 3:
            return partial(kind, spatial_dims=spatial_dims)
        return kind

    return choose
