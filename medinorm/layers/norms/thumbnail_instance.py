"""Instance normalization whose statistics can be those of a whole volume."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Unpack

import torch
from torch import Tensor, nn

from medinorm.layers.declare import norm
from medinorm.layers.statistics.blocks import values_dtype
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

    .. math::
        y = \gamma_c\,\frac{x - \mu_c}{\sqrt{\sigma^2_c + \epsilon}} + \beta_c

    In training, and where nothing is frozen, :math:`\mu_c` and :math:`\sigma^2_c` are
    the moments of the sample's channel. Frozen ones are those of the whole volume, or
    of a thumbnail or of tiles of it, pooled by total variance.

    A volume too large for the memory goes through the network in tiles. Ordinary
    instance norm then takes its statistics from each tile, and the tiles do not match
    where they meet. This layer can *freeze* statistics of the volume, so that the
    result at a voxel does not depend on where the tiles were cut.
    `ThumbnailSlidingWindowInferer` does it.

    A network trained on patches much smaller than the volume learns with the statistics
    of patches, and those of the volume may not suit it. `within_surroundings` trains it
    with the statistics of what surrounds each patch. Or train on larger patches, or do
    not freeze, so that each window has its own statistics.

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
        Normalization", ECCV 2022, arXiv:2208.10730. How the gradient passes statistics
        that are not the patch's own: Ioffe, "Batch Renormalization", NeurIPS 2017,
        arXiv:1702.03275.
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
        self.surroundings: Moments | None = None

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
        if self.surroundings is not None:
            return self._normalize_within(x, self.surroundings)
        if self.frozen_mean is None or self.frozen_variance is None:
            pool = Pool(self.num_features)
            return normalize_pooled(x, pool, self.weight, self.bias, self.eps)
        std = (self.frozen_variance + self.eps).sqrt()
        return normalize(x, self.frozen_mean, std, self.weight, self.bias)

    def _normalize_within(self, x: Tensor, around: Moments) -> Tensor:
        """Normalize each sample by the statistics of its surroundings.

        These enter as constants beside the sample's own, as in batch renormalization:
        without the gradient of own statistics the weights before the layer would grow.
        """
        own, std = moments(x.detach()), around.std(self.eps)
        dtype = values_dtype(x)
        gain = (own.std(self.eps) / std).to(dtype)
        offset = ((own.mean - around.mean) / std).to(dtype)
        if self.weight is not None and self.bias is not None:
            gain, offset = gain * self.weight, offset * self.weight + self.bias
        return normalize_pooled(x, Pool(self.num_features), gain, offset, self.eps)


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
def within_surroundings(network: nn.Module, surroundings: Tensor) -> Iterator[None]:
    """Within the block, normalize patches by the statistics of what surrounds them.

    Args:
        network: with thumbnail layers; one of them that is used in several places has
            the statistics of the last.
        surroundings: one for each patch of the mini-batch, ``(N, C, ...)``, of any
            size; they pass through the network once, without gradient.

    Examples:
        >>> import torch
        >>> norm, scan = ThumbnailInstanceNorm3d(1), torch.randn(1, 1, 8, 4, 4)
        >>> with within_surroundings(norm, scan):
        ...     patch = norm(scan[:, :, 2:6])
        >>> patch.allclose(norm(scan)[:, :, 2:6], atol=1e-6)
        True
    """
    layers = thumbnail_layers(network)

    def remember(layer: ThumbnailInstanceNorm3d, x: Tensor) -> None:
        layer.surroundings = moments(x)

    try:
        with torch.no_grad(), observed(network, remember):
            network(surroundings)
        yield
    finally:
        for layer in layers:
            layer.surroundings = None


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
