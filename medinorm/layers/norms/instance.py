"""Instance normalization."""

from torch import Tensor

from medinorm.layers import kernels
from medinorm.layers.declare import norm
from medinorm.layers.statistics.channel_norm import (
    ChannelNorm,
    check_input,
    restore_subclass,
    strip_subclass,
)
from medinorm.layers.statistics.normalize import Activation, activate
from medinorm.layers.statistics.pooled import Pool, normalize_pooled


@norm(
    "instance",
    "instance normalization, per scan and channel",
    monai="medinorm_instance",
)
class InstanceNorm3d(ChannelNorm):
    r"""Normalize each channel of each sample over its voxels.

    .. math:: y = \gamma\,\frac{x - \mu_{nc}}{\sqrt{\sigma^2_{nc} + \epsilon}} + \beta

    The same function as `torch.nn.InstanceNorm3d` without running statistics. Its state
    dicts load; one with running statistics is refused. This layer is two to three times
    faster on a CPU, and correct in ``channels_last_3d``. `affine` is on by default.
    On a CUDA device where Triton works, norm and activation are one kernel.

    Args:
        num_features: number of channels, :math:`C`.
        eps: added to each variance, in the squared unit of the input.
        affine: learn a gain and an offset per channel.
        activation: ``relu`` or ``leaky_relu`` (slope 0.01), applied in place.

    Shape:
        - input: :math:`(N, C, ...)`, 1 to 3 spatial axes, more than one voxel
        - output: the same, same dtype and layout

    Raises:
        ValueError: `num_features` is not positive; on call: one voxel per channel.

    Examples:
        >>> import torch
        >>> norm = InstanceNorm3d(2)
        >>> norm(1000 + torch.rand(1, 2, 4, 4, 4)).mean().abs().item() < 1e-4
        True

    References:
        Ulyanov, Vedaldi and Lempitsky, "Instance Normalization: The Missing Ingredient
        for Fast Stylization", 2016, arXiv:1607.08022.
    """

    def __init__(
        self,
        num_features: int,
        *,
        eps: float = 1e-5,
        affine: bool = True,
        activation: Activation | None = None,
    ) -> None:
        super().__init__(num_features, eps=eps, affine=affine)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `x`."""
        check_input(x, self.num_features)
        pool = Pool(groups=self.num_features)
        if kernels.available(x):
            pool.check(x)
            y = kernels.fused_instance_norm(
                strip_subclass(x), self.weight, self.bias, self.eps, self.activation
            )
            return restore_subclass(y, x)
        y = normalize_pooled(x, pool, self.weight, self.bias, self.eps)
        return activate(y, self.activation)
