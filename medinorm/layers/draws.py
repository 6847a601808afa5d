"""Random numbers for layers: torch's global ones, or a stream of the layer's own."""

import torch
from torch import Tensor, nn


class Draws(nn.Module):
    """Draws on the CPU, the same for every device.

    Args:
        seed: start of a stream of the layer's own; None to follow
            `torch.manual_seed`. Activation checkpointing restores torch's stream only:
            with a seed the second run would draw other numbers, and gradients would be
            wrong.

    Examples:
        >>> Draws(seed=0).uniform(0.0, 1.0, 2).equal(Draws(seed=0).uniform(0.0, 1.0, 2))
        True
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__()
        self.seed = seed
        self._own = None if seed is None else torch.Generator().manual_seed(seed)

    def uniform(self, low: float, high: float, count: int) -> Tensor:
        """Numbers between `low` and `high`."""
        return torch.rand(count, generator=self._own) * (high - low) + low

    def normal(self, *shape: int) -> Tensor:
        """Numbers with mean 0 and variance 1."""
        return torch.randn(shape, generator=self._own)

    def order(self, count: int) -> Tensor:
        """A random order of ``0 .. count - 1``."""
        return torch.randperm(count, generator=self._own)

    def beta(self, alpha: float, count: int) -> Tensor:
        """Numbers between 0 and 1 from the symmetric beta distribution."""
        rates = torch.full((count, 2), alpha)
        return torch._sample_dirichlet(rates, generator=self._own)[:, 0]

    def extra_repr(self) -> str:
        """What `print` shows in the parentheses."""
        return f"seed={self.seed}"
