"""The U-Nets of nnU-Net, from the library that its authors keep."""

from collections.abc import Callable
from typing import Any, Self

from monai.networks.layers.factories import Norm
from torch import Tensor, nn

from medinorm.config import NetworkConfig
from medinorm.train.networks.registry import MonaiNorm, network

# Residual blocks of each level of the encoder in nnU-Net's ResEnc presets.
_BLOCKS = (1, 3, 4, 6)


class DeepOutputs(nn.Module):
    """A U-Net of the library, with its lower outputs in training only.

    Args:
        unet: the network; its decoder may have outputs at all levels.
        deep: whether training sees them.
    """

    encoder: Any
    decoder: Any

    def __init__(self, unet: Any, *, deep: bool) -> None:
        super().__init__()
        self.encoder, self.decoder = unet.encoder, unet.decoder
        self.deep = deep
        _drop_second_names(self)
        if not deep:
            *lower, _ = range(len(self.decoder.seg_layers))
            for level in lower:  # weights without gradient
                self.decoder.seg_layers[level] = nn.Identity()
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Switch to training, where there are several outputs, or back."""
        super().train(mode)
        self.decoder.deep_supervision = mode and self.deep
        return self

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Logits; in training those of the lower levels too, the largest first."""
        logits: Tensor | list[Tensor] = self.decoder(self.encoder(x))
        return logits


def _drop_second_names(network: DeepOutputs) -> None:
    """Leave one name for each module, that under which it is called.

    A norm that is replaced under the other name would never be called.
    """
    del network.decoder.encoder
    for module in network.modules():
        if hasattr(module, "all_modules"):
            for name in ("conv", "norm", "nonlin", "dropout"):
                if hasattr(module, name):
                    delattr(module, name)


@network(
    "plain_unet",
    "nnU-Net's plain U-Net, two convolutions a level (`pip install medinorm[nnunet]`)",
    uses=("channels", "strides", "kernels"),
    deep=True,
    package="dynamic_network_architectures",
)
def build_plain_unet(
    config: NetworkConfig,
    channels: int,
    classes: int,
    norm: MonaiNorm,
    *,
    deep_supervision: bool = False,
) -> nn.Module:
    """The network that nnU-Net trains by default."""
    from dynamic_network_architectures.architectures.unet import (  # noqa: PLC0415
        PlainConvUNet,  # an extra brings it
    )

    levels = len(config.channels)
    blocks = {"n_conv_per_stage": 2, "n_conv_per_stage_decoder": 2}
    options = _options(config, norm) | blocks | {"n_stages": levels}
    return _build(PlainConvUNet, channels, classes, options, deep=deep_supervision)


@network(
    "residual_encoder_unet",
    "nnU-Net's U-Net with a residual encoder (`pip install medinorm[nnunet]`)",
    uses=("channels", "strides", "kernels"),
    deep=True,
    package="dynamic_network_architectures",
)
def build_residual_encoder_unet(
    config: NetworkConfig,
    channels: int,
    classes: int,
    norm: MonaiNorm,
    *,
    deep_supervision: bool = False,
) -> nn.Module:
    """The network of nnU-Net's ResEnc presets.

    References:
        Isensee et al., "nnU-Net Revisited", MICCAI 2024, arXiv:2404.09556.
    """
    from dynamic_network_architectures.architectures.unet import (  # noqa: PLC0415
        ResidualEncoderUNet,  # an extra brings it
    )

    levels = len(config.channels)
    blocks = [_BLOCKS[min(level, len(_BLOCKS) - 1)] for level in range(levels)]
    each = {"n_blocks_per_stage": blocks, "n_conv_per_stage_decoder": 1}
    options = _options(config, norm) | each | {"n_stages": levels}
    return _build(
        ResidualEncoderUNet, channels, classes, options, deep=deep_supervision
    )


def _options(config: NetworkConfig, norm: MonaiNorm) -> dict[str, Any]:
    """What both networks are told."""
    name, arguments = norm
    return {
        "features_per_stage": list(config.channels),
        "conv_op": nn.Conv3d,
        "kernel_sizes": [list(kernel) for kernel in config.level_kernels],
        "strides": [[1, 1, 1], *map(list, config.level_strides)],
        "conv_bias": True,
        "norm_op": Norm[name, 3],
        "norm_op_kwargs": dict(arguments),
        "nonlin": nn.LeakyReLU,
        "nonlin_kwargs": {"inplace": True},
    }


def _build(
    kind: Callable[..., Any],
    channels: int,
    classes: int,
    options: dict[str, Any],
    *,
    deep: bool,
) -> nn.Module:
    """A network with nnU-Net's first weights."""
    unet = kind(
        input_channels=channels, num_classes=classes, deep_supervision=deep, **options
    )
    for module in unet.modules():
        if isinstance(module, (nn.Conv3d, nn.ConvTranspose3d)):
            nn.init.kaiming_normal_(module.weight, a=0.01)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return DeepOutputs(unet, deep=deep)
