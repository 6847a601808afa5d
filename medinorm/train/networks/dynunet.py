"""MONAI's DynUNet."""

from monai.networks.nets import DynUNet
from torch import Tensor, nn

from medinorm.config import NetworkConfig
from medinorm.train.networks.registry import MonaiNorm, network


class DeepDynUNet(DynUNet):  # type: ignore[misc]  # untyped library
    """DynUNet whose lower outputs keep their resolution.

    MONAI enlarges them all to the largest, which takes time and changes no gradient
    much.
    """

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Logits; in training those of the lower levels too, the largest first."""
        logits: Tensor = self.output_block(self.skip_layers(x))
        return [logits, *self.heads] if self.training else logits


@network(
    "dynunet",
    "U-Net of nnU-Net, at least three levels",
    uses=("channels", "strides", "kernels"),
    levels=3,  # MONAI refuses fewer
    deep=True,
)
def build_dynunet(
    config: NetworkConfig,
    channels: int,
    classes: int,
    norm: MonaiNorm,
    *,
    deep_supervision: bool = False,
) -> nn.Module:
    """The network of nnU-Net."""
    kind = DeepDynUNet if deep_supervision else DynUNet
    net: nn.Module = kind(
        spatial_dims=3,
        in_channels=channels,
        out_channels=classes,
        kernel_size=config.level_kernels,
        strides=((1, 1, 1), *config.level_strides),
        upsample_kernel_size=config.level_strides,
        filters=config.channels,
        norm_name=norm,
        deep_supervision=deep_supervision,
        deep_supr_num=len(config.channels) - 2,  # as in nnU-Net, all but the lowest
    )
    return net
