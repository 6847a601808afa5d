"""EFDMix: interpolated distributions."""

import torch
from torch import Tensor

from medinorm.layers.declare import perturbation
from medinorm.layers.perturbations.perturbation import StylePerturbation, check_alpha


@perturbation(
    "efdmix",
    "batch normalization, sorted values of two samples mixed in training",
    behind="batch",
)
class EFDMix(StylePerturbation):
    r"""Move each channel's whole distribution towards that of another sample.

    The k-th smallest value of a channel moves towards the k-th smallest of the same
    channel in another sample (exact histogram matching, not only two moments):

    .. math:: y_{\tau(k)} = x_{\tau(k)} + (1-\lambda)\,
        \mathrm{sg}\bigl(x'_{\kappa(k)} - x_{\tau(k)}\bigr), \quad
        \lambda \sim \mathrm{Beta}(\alpha, \alpha)

    :math:`\tau, \kappa` sort the two, :math:`\mathrm{sg}` stops the gradient. It sorts
    all voxels: several times as slow as `MixStyle`.

    Args:
        probability: share of the training steps in which it acts.
        alpha: of the beta distribution; small: mostly one style or the other.
        seed: start of a random stream of this layer; None: torch's global one.
        unbiased: divide variances by V - 1, as the reference codes do.
        eps: added to each variance.

    Shape:
        - input and output: :math:`(N, C, ...)`, 1 to 3 spatial axes

    References:
        Zhang, Li, Li, Jia and Zhang, "Exact Feature Distribution Matching for Arbitrary
        Style Transfer and Domain Generalization", CVPR 2022, arXiv:2203.07740.
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
        """Mix the distributions of a batch."""
        flat = x.detach().flatten(2)
        ordered, order = flat.sort(dim=2)
        matched = torch.empty_like(flat).scatter_(2, order, ordered[self.others(x)])
        share = self.draws.beta(self.alpha, x.shape[0])[:, None, None].to(x)
        change = (1 - share) * (matched - flat)
        return x + change.view(x.shape)
