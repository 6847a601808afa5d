"""What the norms have in common: their channels and a gain and offset for each."""

import warnings
from typing import ClassVar, Unpack

import torch
from torch import Tensor, nn

from medinorm.layers.statistics.recorded import (
    RecordedNorm,
    can_see_values,
    is_traced,
)
from medinorm.layers.statistics.torch_arguments import (
    PerScanArguments,
    place_tensors,
    refuse_running_statistics,
)

SPATIAL_DIMS = (1, 2, 3)
SpatialDims = int | None
"""Number of spatial axes; None where several are taken."""


class ChannelNorm(RecordedNorm):
    """A norm over ``(N, C, ...)`` that may end with a gain and an offset per channel.

    Parameters are named `weight` and `bias` as in torch, so that state dicts of torch's
    norms load.

    Args:
        num_features: number of channels, :math:`C`.
        eps: added to each variance, in the squared unit of the input.
        affine: learn a gain (initially 1) and an offset (initially 0) per channel.
        options: `device`, `dtype` and `bias` as in torch's norms; `momentum` and
            `track_running_stats` are refused where there is nothing they could mean.

    Raises:
        ValueError: `num_features` or `eps` is not positive, `dtype` is no floating
            point type, or an option means nothing here.
    """

    has_running_statistics: ClassVar[bool] = False
    """Whether the norm always remembers statistics of batches."""

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(
        self,
        num_features: int,
        *,
        eps: float = 1e-5,
        affine: bool = True,
        **options: Unpack[PerScanArguments],
    ) -> None:
        super().__init__()
        if num_features < 1:
            raise ValueError(f"num_features must be positive, not {num_features}")
        if not eps > 0:  # not a number is refused, too
            raise ValueError(f"eps must be positive, not {eps}")
        name = type(self).__name__
        refuse_running_statistics(name, options, has_them=self.has_running_statistics)
        self.num_features = num_features
        self.eps = eps
        self.affine = affine
        size, has_bias = num_features, affine and options.get("bias", True)
        self.weight = nn.Parameter(torch.ones(size)) if affine else None
        self.bias = nn.Parameter(torch.zeros(size)) if has_bias else None
        place_tensors(self, options)

    def reset_parameters(self) -> None:
        """Set the gain to 1 and the offset to 0."""
        if self.weight is not None:
            nn.init.ones_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def follow(self, gain: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
        """Gain and offset of this norm after those of another one."""
        if self.weight is not None:
            gain, offset = gain * self.weight, offset * self.weight
        return gain, offset if self.bias is None else offset + self.bias

    @torch.no_grad()
    def start_from(self, gain: Tensor, offset: Tensor) -> None:
        """Start from what a norm learned that has one gain and offset per channel.

        For norms that hold them in another form; those with `weight` and `bias` take
        the parameters themselves.

        Args:
            gain: ``(C,)``.
            offset: ``(C,)``.
        """

    def extra_repr(self) -> str:
        """What `print` shows in the parentheses."""
        return f"{self.num_features}, eps={self.eps}, affine={self.affine}"


def find_parameters(norm: nn.Module) -> tuple[Tensor | None, Tensor | None]:
    """`weight` and `bias` of a norm, parametrized or not.

    An attribute of a module is looked for in three places, which takes as long as an
    operation on a small tensor.
    """
    parameters = norm._parameters
    if "weight" in parameters and "bias" in parameters:
        return parameters["weight"], parameters["bias"]
    return norm.weight, norm.bias  # type: ignore[return-value]


def check_input(x: Tensor, num_features: int) -> None:
    """Refuse a tensor that is not ``(N, C, ...)`` with 1 to 3 spatial axes.

    Raises:
        ValueError: the number of axes or of channels is not the expected one, or the
            values are whole or complex numbers.
    """
    if not x.is_floating_point():
        raise ValueError(
            f"expected floating point values, got {x.dtype}: give the layer x.float()"
            + (" or x.abs()" if x.is_complex() else "")
        )
    if not 3 <= x.dim() <= 5:
        raise ValueError(
            f"expected (N, C, ...) with 1 to 3 spatial axes, got {x.dim()} axes"
        )
    if not is_traced() and x.size(1) != num_features:
        unbatched = x.shape[0] == num_features
        hint = " (without a batch axis? give the layer x[None])" if unbatched else ""
        raise ValueError(f"expected {num_features} channels, got {x.shape[1]}{hint}")


def check_spatial_dims(spatial_dims: SpatialDims) -> SpatialDims:
    """The number of spatial axes, if there can be so many.

    Raises:
        ValueError: there cannot.
    """
    if spatial_dims not in {None, *SPATIAL_DIMS}:
        raise ValueError(f"spatial_dims must be 1, 2, 3 or None, not {spatial_dims}")
    return spatial_dims


def lacks_batch_axis(x: Tensor, num_features: int, spatial_dims: SpatialDims) -> bool:
    """Whether `x` is ``(C, ...)``, which torch's instance norms take too.

    Args:
        x: input of a norm.
        num_features: its number of channels.
        spatial_dims: number of spatial axes; None for 1 to 3 behind ``(N, C)``, or 3
            behind ``(C,)``.

    Raises:
        ValueError: the number of axes does not go with that of spatial axes.
    """
    if spatial_dims is not None:
        if x.dim() - spatial_dims not in {1, 2}:
            raise ValueError(
                f"expected {spatial_dims} spatial axes behind (N, C) or (C,), got "
                f"{x.dim()} axes"
            )
        return x.dim() == spatial_dims + 1
    if x.dim() != 4 or is_traced():
        return False
    if x.shape[1] != num_features:
        return bool(x.shape[0] == num_features)
    # An exporter would note that the batch must not have as many samples.
    if torch.compiler.is_exporting() or x.shape[0] != num_features:
        return False
    if can_see_values():
        warnings.warn(
            f"{num_features} samples of {num_features} channels in 2D, or a volume "
            "without a batch axis? Taken as the volume, as torch does: say "
            "spatial_dims=2 or spatial_dims=3",
            stacklevel=2,
        )
    return True


def check_values(count: int) -> None:
    """Refuse statistics of a single value: they would erase the input.

    Raises:
        ValueError: `count` is below 2.
    """
    if count < 2:
        raise ValueError(
            "expected more than one value per statistic: use a larger patch, fewer "
            "levels, or a norm that pools channels or samples"
        )


def strip_subclass(x: Tensor) -> Tensor:
    """`x` as a torch tensor: MONAI's MetaTensor slows every operation down."""
    if type(x) is Tensor or not can_see_values(x):
        return x
    return x.as_subclass(Tensor)


def restore_subclass(y: Tensor, x: Tensor) -> Tensor:
    """`y` in the subclass of `x`, a tensor of the same shape, and with its metadata.

    Examples:
        >>> restore_subclass(torch.ones(2), torch.zeros(2))
        tensor([1., 1.])
    """
    return y if type(y) is type(x) else y.view_as(x)


def is_recomputing() -> bool:
    """Whether a backward pass runs the layer again, for activation checkpointing."""
    return can_see_values() and torch._C._current_graph_task_id() != -1
