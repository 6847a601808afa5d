"""The segmentation networks: MONAI's, with one of our norms inside."""

from collections.abc import Callable, Mapping
from typing import Any

from monai.networks.nets import DynUNet, SegResNet, UNet
from torch import nn

from medinorm.config import NetworkConfig, NetworkName
from medinorm.layers import monai_norm, register_norms

MonaiNorm = tuple[str, dict[str, Any]]


def build_network(
    network: NetworkConfig,
    *,
    channels: int,
    classes: int,
    norm: str,
    norm_options: Mapping[str, Any],
) -> nn.Module:
    """Build a network whose normalization layers are `norm` and nothing else differs.

    Args:
        network: which network, how wide and how deep.
        channels: image channels.
        classes: labels and background.
        norm: normalization layer, by the workflow's name.
        norm_options: its arguments.

    Raises:
        ValueError: the layer refuses its arguments.
    """
    register_norms()
    layer = monai_norm(norm, norm_options)
    return _NETWORKS[network.name](network, channels, classes, layer)


def _unet(
    network: NetworkConfig, channels: int, classes: int, norm: MonaiNorm
) -> nn.Module:
    levels = len(network.channels)
    net: nn.Module = UNet(
        spatial_dims=3,
        in_channels=channels,
        out_channels=classes,
        channels=network.channels,
        strides=(2,) * (levels - 1),
        num_res_units=network.residual_units,
        norm=norm,
    )
    return net


def _dynunet(
    network: NetworkConfig, channels: int, classes: int, norm: MonaiNorm
) -> nn.Module:
    levels = len(network.channels)
    net: nn.Module = DynUNet(
        spatial_dims=3,
        in_channels=channels,
        out_channels=classes,
        kernel_size=(3,) * levels,
        strides=(1, *(2,) * (levels - 1)),
        upsample_kernel_size=(2,) * (levels - 1),
        filters=network.channels,
        norm_name=norm,
    )
    return net


def _segresnet(
    network: NetworkConfig, channels: int, classes: int, norm: MonaiNorm
) -> nn.Module:
    levels = len(network.channels)
    net: nn.Module = SegResNet(
        spatial_dims=3,
        in_channels=channels,
        out_channels=classes,
        init_filters=network.channels[0],
        blocks_down=(1,) * levels,
        blocks_up=(1,) * (levels - 1),
        norm=norm,
    )
    return net


Build = Callable[[NetworkConfig, int, int, MonaiNorm], nn.Module]

_NETWORKS: Mapping[NetworkName, Build] = {
    "unet": _unet,
    "dynunet": _dynunet,
    "segresnet": _segresnet,
}
