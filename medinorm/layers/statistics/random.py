"""Random numbers for layers: torch's global ones, or a stream of the layer's own."""

import torch
from torch import Tensor, nn

from medinorm.layers.statistics.channel_norm import is_recomputing


class Draws(nn.Module):
    """Random numbers drawn on the CPU, the same for every device.

    Args:
        seed: start of a stream of the layer's own; None for torch's global stream
            (`torch.manual_seed`). Activation checkpointing needs None: it restores only
            the global stream before it runs the layer again.

    Raises:
        ValueError: on a draw: there is a seed, and a checkpoint runs the layer again.

    Examples:
        >>> Draws(seed=0).uniform(0.0, 1.0, 2).equal(Draws(seed=0).uniform(0.0, 1.0, 2))
        True
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__()
        self.seed = seed
        self._own = None if seed is None else torch.Generator().manual_seed(seed)

    @property
    def stream(self) -> torch.Generator | None:
        """The layer's own stream; None: torch's."""
        if self._own is not None and is_recomputing():
            raise ValueError(
                "activation checkpointing runs a layer twice, and a seeded one would "
                "draw other numbers: leave out its seed"
            )
        return self._own

    def uniform(self, low: float, high: float, count: int) -> Tensor:
        """Numbers between `low` and `high`."""
        return torch.rand(count, generator=self.stream) * (high - low) + low

    def normal(self, *shape: int) -> Tensor:
        """Numbers with mean 0 and variance 1."""
        return torch.randn(shape, generator=self.stream)

    def order(self, count: int) -> Tensor:
        """A random order of ``0 .. count - 1``."""
        return torch.randperm(count, generator=self.stream)

    def beta(self, alpha: float, count: int) -> Tensor:
        """Numbers between 0 and 1 from the symmetric beta distribution."""
        rates = torch.full((count, 2), alpha)
        return torch._sample_dirichlet(rates, generator=self.stream)[:, 0]

    def extra_repr(self) -> str:
        """What `print` shows in the parentheses."""
        return f"seed={self.seed}"
