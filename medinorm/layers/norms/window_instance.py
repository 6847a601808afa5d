"""Window instance normalization."""

import math
from typing import Unpack

import torch
from torch import Tensor

from medinorm.layers.declare import norm
from medinorm.layers.statistics.channel_norm import ChannelNorm, check_input
from medinorm.layers.statistics.moments import moments
from medinorm.layers.statistics.normalize import normalize
from medinorm.layers.statistics.pooled import Pool, normalize_pooled
from medinorm.layers.statistics.random import Draws
from medinorm.layers.statistics.recorded import has_values
from medinorm.layers.statistics.torch_arguments import PerScanArguments

MIX_ALPHA = 0.1


@norm(
    "window_instance",
    "instance normalization, in training with statistics of random windows",
)
class WindowInstanceNorm3d(ChannelNorm):
    r"""Instance norm whose statistics are perturbed in training by a random window.

    .. math:: \mu = \lambda\,\mu_\text{all} + (1-\lambda)\,\mu_\text{window}, \quad
        \sigma = \lambda\,\sigma_\text{all} + (1-\lambda)\,\sigma_\text{window}, \quad
        \lambda \sim \mathrm{Beta}(0.1, 0.1)

    The window is one box for the batch, the weight one for each sample. In evaluation
    it is instance norm. Unlike mixing between samples, it works with a batch of 1.

    Args:
        num_features: number of channels, :math:`C`.
        smallest: smallest share of the volume in a window, above 0 and at most 1.
        seed: start of a random stream of this layer; None: torch's global one.
        eps: added to each variance, in the squared unit of the input.
        affine: learn a gain and an offset per channel.

    Shape:
        - input: :math:`(N, C, ...)`, 1 to 3 spatial axes, more than one voxel
        - output: the same, same dtype and layout

    Raises:
        ValueError: `smallest` is not in (0, 1]; on call: one voxel per channel.

    References:
        Zhou et al., "A simple normalization technique using window statistics to
        improve the out-of-distribution generalization on medical images", IEEE TMI
        2024, doi:10.1109/TMI.2024.3353800, arXiv:2207.03366.
    """

    def __init__(
        self,
        num_features: int,
        smallest: float = 0.7,
        *,
        seed: int | None = None,
        eps: float = 1e-5,
        affine: bool = True,
        **options: Unpack[PerScanArguments],
    ) -> None:
        super().__init__(num_features, eps=eps, affine=affine, **options)
        if not 0 < smallest <= 1:
            raise ValueError(f"smallest must be above 0 and at most 1, not {smallest}")
        self.smallest = smallest
        self.draws = Draws(seed)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `x`."""
        check_input(x, self.num_features)
        pool = Pool(self.num_features)
        if not self.training or not has_values(x):
            return normalize_pooled(x, pool, self.weight, self.bias, self.eps)
        pool.check(x)
        window = (slice(None), slice(None), *self._window(x.shape[2:]))
        everywhere, inside = moments(x), moments(x[window])
        share = self.draws.beta(MIX_ALPHA, x.shape[0])[:, None].to(everywhere.mean)
        mean = torch.lerp(inside.mean, everywhere.mean, share)
        std = torch.lerp(inside.std(self.eps), everywhere.std(self.eps), share)
        return normalize(x, mean, std, self.weight, self.bias)

    def _window(self, shape: torch.Size) -> tuple[slice, ...]:
        """A random box of at least `smallest` of the volume."""
        share = float(self.draws.uniform(self.smallest, 1.0, 1))
        places = self.draws.uniform(0.0, 1.0, len(shape)).tolist()
        window = [slice(None)] * len(shape)
        left = len(shape)
        for axis in self.draws.order(len(shape)).tolist():
            # Sides are whole voxels: later axes lose what rounding up adds here.
            side = min(shape[axis], math.ceil(shape[axis] * share ** (1 / left)))
            share, left = share * shape[axis] / side, left - 1
            corner = int(places[axis] * (shape[axis] - side + 1))
            window[axis] = slice(corner, corner + side)
        return tuple(window)
