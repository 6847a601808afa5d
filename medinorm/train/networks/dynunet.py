"""MONAI's DynUNet."""

from monai.networks.nets import DynUNet
from torch import nn

from medinorm.config import NetworkConfig
from medinorm.train.networks.registry import MonaiNorm, network


@network(
    "dynunet",
    "U-Net of nnU-Net, at least three levels",
    uses=("channels", "strides", "kernels"),
    levels=3,  # MONAI refuses fewer
)
def build_dynunet(
    config: NetworkConfig, channels: int, classes: int, norm: MonaiNorm
) -> nn.Module:
    """The network of nnU-Net."""
    net: nn.Module = DynUNet(
        spatial_dims=3,
        in_channels=channels,
        out_channels=classes,
        kernel_size=config.level_kernels,
        strides=((1, 1, 1), *config.level_strides),
        upsample_kernel_size=config.level_strides,
        filters=config.channels,
        norm_name=norm,
    )
    return net
