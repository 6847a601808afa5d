"""MONAI's UNet."""

from collections.abc import Iterator
from typing import Any

from monai.networks.nets import UNet
from torch import nn

from medinorm.config import NetworkConfig
from medinorm.train.networks.registry import MonaiNorm, network


class LevelUNet(UNet):  # type: ignore[misc]  # untyped library
    """MONAI's UNet with kernels of a size of their own at each level.

    Args:
        kernels: width of the convolutions of each level, along each axis.
        options: as for `UNet`.
    """

    def __init__(self, kernels: tuple[tuple[int, ...], ...], **options: Any) -> None:
        # MONAI builds the deepest level first, then each level above it.
        self._kernels: Iterator[tuple[int, ...]] = reversed(kernels)
        super().__init__(**options)
        del self._kernels

    def _get_down_layer(self, *arguments: Any, **options: Any) -> nn.Module:
        """The way down of the next level."""
        self.kernel_size = self.up_kernel_size = next(self._kernels)
        layer: nn.Module = super()._get_down_layer(*arguments, **options)
        return layer


@network(
    "unet",
    "U-Net with strided convolutions or residual units",
    uses=("channels", "strides", "kernels", "residual_units"),
)
def build_unet(
    config: NetworkConfig, channels: int, classes: int, norm: MonaiNorm
) -> nn.Module:
    """A U-Net, fast on CPUs."""
    return LevelUNet(
        config.level_kernels,
        spatial_dims=3,
        in_channels=channels,
        out_channels=classes,
        channels=config.channels,
        strides=config.level_strides,
        num_res_units=config.residual_units,
        norm=norm,
    )
