"""Instance normalization whose statistics can be those of a whole volume."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Unpack

import torch
from torch import Tensor, nn

from medinorm.layers.declare import norm
from medinorm.layers.statistics.channel_norm import ChannelNorm, check_input
from medinorm.layers.statistics.moments import Moments, moments
from medinorm.layers.statistics.normalize import normalize
from medinorm.layers.statistics.pooled import Pool, normalize_pooled
from medinorm.layers.statistics.torch_arguments import PerScanArguments


@norm(
    "thumbnail_instance",
    "instance normalization, at test time with the statistics of the whole scan for "
    "all tiles",
    remark="`ThumbnailSlidingWindowInferer` for the statistics of the whole volume",
)
class ThumbnailInstanceNorm3d(ChannelNorm):
    r"""Instance norm in training; in tiled inference, that of the whole volume.

    A volume too large for the memory goes through the network in tiles. Ordinary
    instance norm then takes its statistics from each tile, and the tiles do not match
    where they meet. This layer can *freeze* statistics of the volume, so that the
    result at a voxel does not depend on where the tiles were cut.
    `ThumbnailSlidingWindowInferer` does it.

    A network trained on patches much smaller than the volume has learned with the
    statistics of patches, and those of the volume may not suit it. Then train on larger
    patches, or do not freeze, so that each window has its own statistics.

    Frozen statistics are not part of the state dict. `frozen_statistics` removes them,
    so that those of one volume are never used for another.

    Args:
        num_features: number of channels, :math:`C`.
        eps: added to each variance, in the squared unit of the input.
        affine: learn a gain and an offset per channel.

    Shape:
        - input: :math:`(N, C, ...)`, 1 to 3 spatial axes, more than one voxel
        - output: the same, same dtype and layout

    Raises:
        ValueError: `num_features` is not positive; on call: one voxel per channel.

    Examples:
        >>> import torch
        >>> from medinorm.layers.statistics.moments import moments
        >>> norm, volume = ThumbnailInstanceNorm3d(1), torch.randn(1, 1, 8, 4, 4)
        >>> whole = norm(volume)
        >>> with frozen_statistics(norm):
        ...     norm.freeze(moments(volume))
        ...     tiles = [norm(tile) for tile in volume.split(4, dim=2)]
        >>> torch.cat(tiles, dim=2).allclose(whole, atol=1e-6)
        True

    References:
        Chen et al., "Towards Ultra-Resolution Neural Style Transfer via Thumbnail
        Instance Normalization", AAAI 2022, arXiv:2103.11784. Ho et al.,
        "Ultra-High-Resolution Unpaired Stain Transformation via Kernelized Instance
        Normalization", ECCV 2022, arXiv:2208.10730.
    """

    frozen_mean: Tensor | None
    frozen_variance: Tensor | None

    def __init__(
        self,
        num_features: int,
        *,
        eps: float = 1e-5,
        affine: bool = True,
        **options: Unpack[PerScanArguments],
    ) -> None:
        super().__init__(num_features, eps=eps, affine=affine, **options)
        self.register_buffer("frozen_mean", None, persistent=False)
        self.register_buffer("frozen_variance", None, persistent=False)
        self.observer: Observer | None = None

    @property
    def is_frozen(self) -> bool:
        """Whether the statistics are fixed."""
        return self.frozen_mean is not None

    def freeze(self, measured: Moments) -> None:
        """Fix the statistics to the pooled moments of ``(N, C)`` samples."""
        pooled = measured.pool(0)
        self.frozen_mean = pooled.mean.detach()
        self.frozen_variance = pooled.variance.detach()

    def thaw(self) -> None:
        """Take statistics from the input again."""
        self.frozen_mean = self.frozen_variance = None

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `x`."""
        check_input(x, self.num_features)
        if self.observer is not None:
            self.observer(self, x)
        if self.frozen_mean is None or self.frozen_variance is None:
            pool = Pool(self.num_features)
            return normalize_pooled(x, pool, self.weight, self.bias, self.eps)
        std = (self.frozen_variance + self.eps).sqrt()
        return normalize(x, self.frozen_mean, std, self.weight, self.bias)


Observer = Callable[[ThumbnailInstanceNorm3d, Tensor], None]
"""Sees the input of a layer before it is normalized."""


def thumbnail_layers(network: nn.Module) -> list[ThumbnailInstanceNorm3d]:
    """The layers of a network whose statistics can be frozen."""
    return [m for m in network.modules() if isinstance(m, ThumbnailInstanceNorm3d)]


@contextmanager
def frozen_statistics(network: nn.Module) -> Iterator[None]:
    """Forget, at the end of the block, all statistics frozen in it.

    What was frozen before does not apply inside.
    """
    layers = thumbnail_layers(network)
    for layer in layers:
        layer.thaw()
    try:
        yield
    finally:
        for layer in layers:
            layer.thaw()


@contextmanager
def observed(network: nn.Module, observer: Observer) -> Iterator[None]:
    """Let `observer` see the inputs of the thumbnail layers within the block."""
    layers = thumbnail_layers(network)
    try:
        for layer in layers:
            layer.observer = observer
        with uncompiled():
            yield
    finally:
        for layer in layers:
            layer.observer = None


@contextmanager
def uncompiled() -> Iterator[None]:
    """Run compiled networks as they were written: graphs skip observers and hooks."""
    if "torch._dynamo" not in sys.modules:  # nothing is compiled; importing takes 2 s
        yield
    else:
        with torch.compiler.set_stance("force_eager"):
            yield


def freeze_from_first_input(layer: ThumbnailInstanceNorm3d, x: Tensor) -> None:
    """Observer that freezes the statistics of the first input of a layer."""
    if not layer.is_frozen:
        layer.freeze(moments(x))
