"""MONAI's UNet."""

from monai.networks.nets import UNet
from torch import nn

from medinorm.config import NetworkConfig
from medinorm.train.networks.registry import MonaiNorm, network


@network(
    "unet",
    "U-Net with strided convolutions or residual units",
    uses=("channels", "residual_units"),
)
def build_unet(
    config: NetworkConfig, channels: int, classes: int, norm: MonaiNorm
) -> nn.Module:
    """A U-Net, fast on CPUs."""
    levels = len(config.channels)
    net: nn.Module = UNet(
        spatial_dims=3,
        in_channels=channels,
        out_channels=classes,
        channels=config.channels,
        strides=(2,) * (levels - 1),
        num_res_units=config.residual_units,
        norm=norm,
    )
    return net
