"""What the norms have in common: their channels and a gain and offset for each."""

import torch
from torch import Tensor, nn

SPATIAL_DIMS = (1, 2, 3)


class ChannelNorm(nn.Module):
    """A norm over ``(N, C, ...)`` that may end with a gain and an offset per channel.

    Parameters are named `weight` and `bias` as in torch, so that state dicts of torch's
    norms load.

    Args:
        num_features: number of channels, :math:`C`.
        eps: added to each variance, in the squared unit of the input.
        affine: learn a gain (initially 1) and an offset (initially 0) per channel.

    Raises:
        ValueError: `num_features` or `eps` is not positive.
    """

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(
        self, num_features: int, *, eps: float = 1e-5, affine: bool = True
    ) -> None:
        super().__init__()
        if num_features < 1:
            raise ValueError(f"num_features must be positive, not {num_features}")
        if eps <= 0:
            raise ValueError(f"eps must be positive, not {eps}")
        self.num_features = num_features
        self.eps = eps
        self.affine = affine
        size = num_features
        self.weight = nn.Parameter(torch.ones(size)) if affine else None
        self.bias = nn.Parameter(torch.zeros(size)) if affine else None

    def reset_parameters(self) -> None:
        """Set the gain to 1 and the offset to 0."""
        if self.weight is not None and self.bias is not None:
            nn.init.ones_(self.weight)
            nn.init.zeros_(self.bias)

    def follow(self, gain: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
        """Gain and offset of this norm after those of another one."""
        if self.weight is None or self.bias is None:
            return gain, offset
        return gain * self.weight, offset * self.weight + self.bias

    def extra_repr(self) -> str:
        """What `print` shows in the parentheses."""
        return f"{self.num_features}, eps={self.eps}, affine={self.affine}"


def check_input(x: Tensor, num_features: int) -> None:
    """Refuse a tensor that is not ``(N, C, ...)`` with 1 to 3 spatial axes.

    Raises:
        ValueError: the number of axes or of channels is not the expected one.
    """
    if x.dim() - 2 not in SPATIAL_DIMS:
        raise ValueError(
            f"expected (N, C, ...) with 1 to 3 spatial axes, got {x.dim()} axes"
        )
    if x.shape[1] != num_features:
        raise ValueError(f"expected {num_features} channels, got {x.shape[1]}")


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
    return x.as_subclass(Tensor) if type(x) is not Tensor and can_see_values() else x


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


def can_see_values() -> bool:
    """Whether values can be read: while compiling or exporting there are none."""
    return not torch.compiler.is_compiling()
