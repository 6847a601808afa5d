"""Instance normalization."""

from torch import Tensor

from medinorm.layers import kernels
from medinorm.layers.declare import norm
from medinorm.layers.statistics.channel_norm import (
    ChannelNorm,
    SpatialDims,
    check_input,
    check_spatial_dims,
    find_parameters,
    lacks_batch_axis,
    restore_subclass,
    strip_subclass,
)
from medinorm.layers.statistics.normalize import (
    ActivationChoice,
    activate,
    read_activation,
)
from medinorm.layers.statistics.pooled import (
    Pool,
    normalize_ordinary,
    normalize_pooled,
)
from medinorm.layers.statistics.torch_arguments import Device, DType, NotUsed


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
    On a CUDA device where Triton works, norm and activation are one kernel, after
    `medinorm.layers.kernels.enable()`.

    Args:
        num_features: number of channels, :math:`C`.
        eps: added to each variance, in the squared unit of the input.
        momentum: not used; here because of torch's order of arguments.
        affine: learn a gain and an offset per channel.
        track_running_stats: not used, as `momentum`.
        device: where its tensors are.
        dtype: floating point type of its tensors.
        bias: False for a gain without an offset.
        activation: ``relu`` or ``leaky_relu`` (slope 0.01), or torch's module or class
            of one of them; applied in place.
        spatial_dims: number of spatial axes. Without it 1 to 3 are taken, and four axes
            that may be :math:`(N, C, H, W)` or :math:`(C, D, H, W)` are, with a
            warning, what torch's 3D layer takes: the second.

    Shape:
        - input: :math:`(N, C, ...)`, 1 to 3 spatial axes, more than one voxel; or
          :math:`(C, D, H, W)`
        - output: the same, same dtype and layout

    Raises:
        ValueError: an argument is out of range; on call: one voxel per channel, or
            another shape or type.

    Examples:
        >>> import torch
        >>> norm = InstanceNorm3d(2)
        >>> norm(1000 + torch.rand(1, 2, 4, 4, 4)).mean().abs().item() < 1e-4
        True

    References:
        Ulyanov, Vedaldi and Lempitsky, "Instance Normalization: The Missing Ingredient
        for Fast Stylization", 2016, arXiv:1607.08022.
    """

    def __init__(  # noqa: PLR0913, PLR0917  (torch's arguments in torch's order)
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: NotUsed = None,
        affine: bool = True,
        track_running_stats: NotUsed = False,
        device: Device = None,
        dtype: DType = None,
        *,
        bias: bool = True,
        activation: ActivationChoice = None,
        spatial_dims: SpatialDims = None,
    ) -> None:
        super().__init__(
            num_features,
            eps=eps,
            affine=affine,
            momentum=momentum,
            track_running_stats=track_running_stats,
            device=device,
            dtype=dtype,
            bias=bias,
        )
        self.activation, self.slope = read_activation(activation)
        self.spatial_dims = check_spatial_dims(spatial_dims)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `x`."""
        if lacks_batch_axis(x, self.num_features, self.spatial_dims):
            return self.forward(x[None])[0]
        check_input(x, self.num_features)
        weight, bias = find_parameters(self)
        enabled = kernels.is_enabled()
        if not enabled:
            y = normalize_ordinary(x, self.num_features, weight, bias, self.eps)
            if y is not None:
                return activate(y, self.activation, self.slope)
        pool = Pool(groups=self.num_features)
        if enabled and kernels.available(x):
            pool.check(x)
            y = kernels.fused_instance_norm(
                strip_subclass(x),
                weight,
                bias,
                self.eps,
                self.activation,
                self.slope,
            )
            return restore_subclass(y, x)
        y = normalize_pooled(x, pool, weight, bias, self.eps)
        return activate(y, self.activation, self.slope)
