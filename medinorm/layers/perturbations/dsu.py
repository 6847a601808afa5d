"""DSU: uncertain styles."""

from torch import Tensor

from medinorm.layers.declare import perturbation
from medinorm.layers.perturbations.perturbation import StylePerturbation
from medinorm.layers.statistics.normalize import normalize


@perturbation(
    "dsu",
    "batch normalization, styles drawn at random around those of a batch in training",
    behind="batch",
)
class DSU(StylePerturbation):
    r"""Shift each sample's style at random; the scale is that of styles in the batch.

    .. math:: y = (\sigma_n + \epsilon_\sigma S_\sigma)\,\frac{x-\mu_n}{\sigma_n}
        + \mu_n + \epsilon_\mu S_\mu, \quad \epsilon \sim \mathcal N(0, 1)

    :math:`S_\mu, S_\sigma` are the (biased) standard deviations over the batch of the
    means and of the standard deviations, for each channel.

    Args:
        probability: share of the training steps in which it acts.
        factor: multiplies the shifts.
        seed: start of a random stream of this layer; None: torch's global one.
        unbiased: divide variances by V - 1, as the reference codes do.
        eps: added to each variance.

    Shape:
        - input and output: :math:`(N, C, ...)`, 1 to 3 spatial axes

    References:
        Li et al., "Uncertainty Modeling for Out-of-Distribution Generalization", ICLR
        2022, arXiv:2202.03958.
    """

    def __init__(
        self,
        probability: float = 0.5,
        factor: float = 1.0,
        *,
        seed: int | None = None,
        unbiased: bool = True,
        eps: float = 1e-6,
    ) -> None:
        super().__init__(probability, seed=seed, unbiased=unbiased, eps=eps)
        if factor < 0:
            raise ValueError(f"factor must not be negative, not {factor}")
        self.factor = factor

    def perturb(self, x: Tensor) -> Tensor:
        """Shift the styles of a batch."""
        mean, std = self.style(x)
        new_mean, new_std = self._shift(mean), self._shift(std)
        return normalize(x, mean, std, new_std, new_mean)

    def _shift(self, values: Tensor) -> Tensor:
        """Add noise with the standard deviation of `values` over the batch."""
        std = (values.var(0, correction=0, keepdim=True) + self.eps).sqrt()
        noise = self.draws.normal(*values.shape).to(values)
        return values + self.factor * noise * std
