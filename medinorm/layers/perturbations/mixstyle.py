"""MixStyle: interpolated styles."""

import torch
from torch import Tensor

from medinorm.layers.declare import perturbation
from medinorm.layers.perturbations.perturbation import StylePerturbation, check_alpha
from medinorm.layers.statistics.normalize import normalize


@perturbation(
    "mixstyle",
    "batch normalization, styles of two samples mixed in training",
    behind="batch",
)
class MixStyle(StylePerturbation):
    r"""Give each sample a style between its own and that of another sample.

    .. math:: \mu = \lambda\mu_n + (1-\lambda)\mu_j, \quad
        \sigma = \lambda\sigma_n + (1-\lambda)\sigma_j, \quad
        y = \sigma\,\frac{x-\mu_n}{\sigma_n} + \mu, \quad
        \lambda \sim \mathrm{Beta}(\alpha, \alpha)

    No gradient flows through the statistics.

    Args:
        probability: share of the training steps in which it acts.
        alpha: of the beta distribution; small: mostly one style or the other.
        seed: start of a random stream of this layer; None: torch's global one.
        unbiased: divide variances by V - 1, as the reference codes do.
        eps: added to each variance.

    Shape:
        - input and output: :math:`(N, C, ...)`, 1 to 3 spatial axes

    References:
        Zhou, Yang, Qiao and Xiang, "Domain Generalization with MixStyle", ICLR 2021,
        arXiv:2104.02008.
    """

    def __init__(
        self,
        probability: float = 0.5,
        alpha: float = 0.1,
        *,
        seed: int | None = None,
        unbiased: bool = True,
        eps: float = 1e-6,
    ) -> None:
        super().__init__(probability, seed=seed, unbiased=unbiased, eps=eps)
        check_alpha(alpha)
        self.alpha = alpha

    def perturb(self, x: Tensor) -> Tensor:
        """Mix the styles of a batch."""
        mean, std = (term.detach() for term in self.style(x))
        share = self.draws.beta(self.alpha, x.shape[0])[:, None].to(mean)
        other = self.others(x)
        new_mean = torch.lerp(mean[other], mean, share)
        new_std = torch.lerp(std[other], std, share)
        return normalize(x, mean, std, new_std, new_mean)
