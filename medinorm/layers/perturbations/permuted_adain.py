"""Permuted AdaIN: swapped styles."""

from torch import Tensor

from medinorm.layers.declare import perturbation
from medinorm.layers.perturbations.perturbation import StylePerturbation
from medinorm.layers.statistics.normalize import normalize


@perturbation(
    "permuted_adain",
    "batch normalization, styles exchanged between samples in training",
    behind="batch",
)
class PermutedAdaIN(StylePerturbation):
    r"""Give each sample the style of another sample of the batch.

    .. math:: y = \sigma_{\pi(n)}\,\frac{x-\mu_n}{\sigma_n} + \mu_{\pi(n)}

    It acts rarely, but in every layer where it is put.

    Args:
        probability: share of the training steps in which it acts.
        seed: start of a random stream of this layer; None: torch's global one.
        unbiased: divide variances by V - 1, as the reference codes do.
        eps: added to each variance.

    Shape:
        - input and output: :math:`(N, C, ...)`, 1 to 3 spatial axes

    References:
        Nuriel, Benaim and Wolf, "Permuted AdaIN: Reducing the Bias Towards Global
        Statistics in Image Classification", CVPR 2021, arXiv:2010.05785.
    """

    def __init__(
        self,
        probability: float = 0.01,
        *,
        seed: int | None = None,
        unbiased: bool = True,
        eps: float = 1e-6,
    ) -> None:
        super().__init__(probability, seed=seed, unbiased=unbiased, eps=eps)

    def perturb(self, x: Tensor) -> Tensor:
        """Swap the styles of a batch."""
        mean, std = self.style(x)
        other = self.others(x)
        return normalize(x, mean, std, std[other], mean[other])
