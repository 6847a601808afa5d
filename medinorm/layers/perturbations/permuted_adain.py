"""Permuted AdaIN: swapped styles."""

from typing import Any

from torch import Tensor

from medinorm.layers.perturbations.perturbation import StylePerturbation
from medinorm.layers.statistics.normalize import normalize


class PermutedAdaIN(StylePerturbation):
    r"""Give each sample the style of another sample of the batch.

    .. math:: y = \sigma_{\pi(n)}\,\frac{x-\mu_n}{\sigma_n} + \mu_{\pi(n)}

    It acts rarely, but in every layer where it is put.

    Args:
        probability: part of the training steps in which it acts.
        options: `seed`, `unbiased`, `eps` of `StylePerturbation`.

    Shape:
        - input and output: :math:`(N, C, ...)`, 1 to 3 spatial axes

    References:
        Nuriel, Benaim and Wolf, "Permuted AdaIN: Reducing the Bias Towards Global
        Statistics in Image Classification", CVPR 2021, arXiv:2010.05785.
    """

    def __init__(self, probability: float = 0.01, **options: Any) -> None:
        super().__init__(probability, **options)

    def perturb(self, x: Tensor) -> Tensor:
        """Swap the styles of a batch."""
        mean, std = self.style(x)
        other = self.others(x)
        return normalize(x, mean, std, std[other], mean[other])
