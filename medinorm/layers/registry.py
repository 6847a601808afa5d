"""The norms by the names used in configurations, here and in MONAI networks."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from torch import nn

from medinorm.layers.norms.adaptive_instance import AdaptiveInstanceNorm3d
from medinorm.layers.norms.batch import BatchNorm3d
from medinorm.layers.norms.batch_instance import BatchInstanceNorm3d
from medinorm.layers.norms.cluster_instance import ClusterInstanceNorm3d
from medinorm.layers.norms.domain_specific import DomainSpecificNorm3d
from medinorm.layers.norms.group import GroupNorm3d
from medinorm.layers.norms.ibn import IBN3d
from medinorm.layers.norms.instance import InstanceNorm3d
from medinorm.layers.norms.layer import LayerNorm3d
from medinorm.layers.norms.masked_instance import MaskedInstanceNorm3d
from medinorm.layers.norms.no_norm import NoNorm
from medinorm.layers.norms.self_attentive_instance import SelfAttentiveInstanceNorm3d
from medinorm.layers.norms.spatially_adaptive import SpatiallyAdaptiveNorm3d
from medinorm.layers.norms.switchable import SwitchableNorm3d
from medinorm.layers.norms.thumbnail_instance import ThumbnailInstanceNorm3d
from medinorm.layers.norms.window_instance import WindowInstanceNorm3d

# MONAI has norms of its own by these names; ours get a prefix there.
_MONAI_NAMES = frozenset({"batch", "group", "instance", "layer"})

NORMS: Mapping[str, type[nn.Module]] = MappingProxyType(
    {
        "adaptive_instance": AdaptiveInstanceNorm3d,
        "batch": BatchNorm3d,
        "batch_instance": BatchInstanceNorm3d,
        "cluster_instance": ClusterInstanceNorm3d,
        "domain_specific": DomainSpecificNorm3d,
        "group": GroupNorm3d,
        "ibn": IBN3d,
        "instance": InstanceNorm3d,
        "layer": LayerNorm3d,
        "masked_instance": MaskedInstanceNorm3d,
        "none": NoNorm,
        "self_attentive_instance": SelfAttentiveInstanceNorm3d,
        "spatially_adaptive": SpatiallyAdaptiveNorm3d,
        "switchable": SwitchableNorm3d,
        "thumbnail_instance": ThumbnailInstanceNorm3d,
        "window_instance": WindowInstanceNorm3d,
    }
)
"""Every norm by its plain name. Each takes `num_features` and nothing else must be
given."""


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
    return f"medinorm_{name}" if name in _MONAI_NAMES else name


def monai_norm(name: str, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """What the `norm` argument of a MONAI network takes for a norm of ours.

    Args:
        name: plain name, a key of `NORMS`.
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
            Norm.add_factory_class(monai_name(name), norm)
