"""A segmentation network with one of our norms inside."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import nn

from medinorm.config import NetworkConfig
from medinorm.layers import (
    ConditionalNetwork,
    StyleEncoder,
    insert_perturbation,
    monai_norm,
    register_norms,
)
from medinorm.layers.conditions.network import conditional_layers
from medinorm.layers.declare import StudyNumber
from medinorm.layers.registry import DECLARATIONS
from medinorm.method_names import check_norm_options
from medinorm.train.conditions import REGIONS
from medinorm.train.networks.registry import find_networks


def build_network(  # noqa: PLR0913  (what a network is built from)
    network: NetworkConfig,
    *,
    channels: int,
    classes: int,
    norm: str,
    norm_options: Mapping[str, Any],
    domains: int = 1,
    deep_supervision: bool = False,
) -> nn.Module:
    """Build a network; only its normalization layers depend on `norm`.

    If the layers need more than their input, the network is wrapped in a
    `ConditionalNetwork`.

    Args:
        network: which network, how wide and how deep.
        channels: image channels.
        classes: labels and background.
        norm: normalization layer, by its name in the configuration.
        norm_options: its arguments.
        domains: training domains, for norms that have a part for each.
        deep_supervision: with outputs at lower resolutions, if the network can.

    Raises:
        ValueError: there is no such norm, or it refuses its arguments.
    """
    check_norm_options(norm, norm_options)
    register_norms()
    architecture, declared = find_networks()[network.name], DECLARATIONS[norm]
    build = architecture.build
    if deep_supervision and architecture.deep:
        build = partial(build, deep_supervision=True)
    if declared.behind:
        built = build(network, channels, classes, monai_norm(declared.behind, {}))
        return insert_perturbation(built, norm, **norm_options)
    numbers: dict[StudyNumber, int] = {"domains": domains, "regions": REGIONS}
    options = {word: numbers[number] for word, number in declared.from_study.items()}
    layer = monai_norm(norm, options | dict(norm_options))
    built = build(network, channels, classes, layer)
    if not conditional_layers(built):
        return built
    encoder = StyleEncoder(channels) if declared.style_encoder else None
    return ConditionalNetwork(built, encoder)
