"""No normalization, as a choice among the others."""

from torch import Tensor, nn

from medinorm.layers.declare import norm


@norm("none", "no normalization layer")
class NoNorm(nn.Module):
    """Return the input: the row of a comparison that has no norm.

    Args:
        num_features: number of channels; not used, any input passes.

    Examples:
        >>> import torch
        >>> NoNorm(4)(torch.ones(1))
        tensor([1.])
    """

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, x: Tensor) -> Tensor:
        """Return `x`."""
        return x

    def extra_repr(self) -> str:
        """What `print` shows in the parentheses."""
        return str(self.num_features)
