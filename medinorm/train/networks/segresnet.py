"""MONAI's SegResNet."""

from monai.networks.nets import SegResNet
from torch import nn

from medinorm.config import NetworkConfig
from medinorm.train.networks.registry import MonaiNorm, network


@network(
    "segresnet",
    "residual encoder and decoder, whose channels double from level to level",
    uses=("channels",),
    doubles=True,  # MONAI takes the first number and doubles it at each level
)
def build_segresnet(
    config: NetworkConfig, channels: int, classes: int, norm: MonaiNorm
) -> nn.Module:
    """A residual network whose channels double at each level."""
    levels = len(config.channels)
    net: nn.Module = SegResNet(
        spatial_dims=3,
        in_channels=channels,
        out_channels=classes,
        init_filters=config.channels[0],
        blocks_down=(1,) * levels,
        blocks_up=(1,) * (levels - 1),
        norm=norm,
    )
    return net
