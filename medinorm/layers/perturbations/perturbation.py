"""What the layers that perturb styles in training have in common."""

from torch import Tensor, nn

from medinorm.layers.statistics.channel_norm import check_input
from medinorm.layers.statistics.moments import moments
from medinorm.layers.statistics.random import Draws
from medinorm.layers.statistics.recorded import has_values


class StylePerturbation(nn.Module):
    """A layer that changes the statistics of features at random, in training only.

    In evaluation, for a batch of one sample, and in some of the training steps it
    returns its input. Put it where channels still carry a style: behind instance norm
    all samples have the same statistics, and there is nothing to mix.

    Args:
        probability: share of the training steps in which it acts, 0 to 1.
        seed: start of a random stream of this layer; None: torch's global one.
        unbiased: divide variances by V - 1, as the reference codes do.
        eps: added to each variance.

    Raises:
        ValueError: `probability` is outside of [0, 1] or `eps` is not positive.
    """

    def __init__(
        self,
        probability: float = 0.5,
        *,
        seed: int | None = None,
        unbiased: bool = True,
        eps: float = 1e-6,
    ) -> None:
        super().__init__()
        if not 0 <= probability <= 1:
            raise ValueError(f"probability must be between 0 and 1, not {probability}")
        if eps <= 0:
            raise ValueError(f"eps must be positive, not {eps}")
        self.probability = probability
        self.unbiased = unbiased
        self.eps = eps
        self.draws = Draws(seed)

    def forward(self, x: Tensor) -> Tensor:
        """Perturb `x`, or return it."""
        check_input(x, x.shape[1])
        if not has_values(x):  # its shape stays
            return x
        if not self.training or x.shape[0] == 1 or x[0, 0].numel() == 1:
            return x
        if float(self.draws.uniform(0.0, 1.0, 1)) >= self.probability:
            return x
        return self.perturb(x)

    def perturb(self, x: Tensor) -> Tensor:
        """Perturb a batch of several samples."""
        raise NotImplementedError

    def style(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of each sample's channels, ``(N, C)``."""
        own = moments(x)
        return own.mean, own.std(self.eps, unbiased=self.unbiased)

    def others(self, x: Tensor) -> Tensor:
        """A sample of the batch for each sample, all of them in random order."""
        return self.draws.order(x.shape[0]).to(x.device)

    def extra_repr(self) -> str:
        """What `print` shows in the parentheses."""
        return f"probability={self.probability}"


def check_alpha(alpha: float) -> None:
    """Refuse a parameter that no beta distribution has.

    Raises:
        ValueError: `alpha` is not positive.
    """
    if alpha <= 0:
        raise ValueError(f"alpha must be positive, not {alpha}")
