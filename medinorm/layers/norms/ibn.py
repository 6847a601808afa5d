"""Instance-batch normalization."""

from typing import Unpack

import torch
from torch import Tensor

from medinorm.layers.declare import norm
from medinorm.layers.statistics.channel_norm import ChannelNorm, check_input
from medinorm.layers.statistics.moments import moments
from medinorm.layers.statistics.normalize import normalize
from medinorm.layers.statistics.pooled import Pool
from medinorm.layers.statistics.running import RunningMoments
from medinorm.layers.statistics.torch_arguments import TorchArguments, place_tensors


@norm("ibn", "instance normalization for a part of the channels, batch for the others")
class IBN3d(ChannelNorm):
    r"""Instance norm for the first channels, batch norm for the rest.

    .. math::
        y = \gamma_c\,\frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta_c, \qquad
        (\mu, \sigma^2) = \begin{cases}
        (\mu_{nc}, \sigma^2_{nc}) & c < \lfloor \rho\,C \rfloor \\
        (\mu_c, \sigma^2_c) & \text{otherwise}
        \end{cases}

    with the `ratio` :math:`\rho`, the moments :math:`\mu_{nc}, \sigma^2_{nc}` of a
    sample's channel, and those of the batch :math:`\mu_c, \sigma^2_c`; in evaluation
    the latter are running statistics.

    The instance part removes what is a scanner's style, the batch part keeps contrast
    that carries content (IBN-a of the paper).

    Args:
        num_features: number of channels, :math:`C`.
        ratio: part of the channels that get instance norm, 0 to 1 (rounded down to
            whole channels).
        momentum: weight of a new batch in the running statistics.
        eps: added to each variance, in the squared unit of the input.
        affine: learn a gain and an offset per channel.

    Shape:
        - input: :math:`(N, C, ...)`, 1 to 3 spatial axes, more than one voxel
        - output: the same, same dtype and layout

    Raises:
        ValueError: `ratio` is outside of [0, 1]; on call: one voxel per channel.

    Examples:
        >>> IBN3d(5).instances
        2

    References:
        Pan et al., "Two at Once: Enhancing Learning and Generalization Capacities via
        IBN-Net", ECCV 2018, arXiv:1807.09441.
    """

    has_running_statistics = True

    def __init__(
        self,
        num_features: int,
        ratio: float = 0.5,
        *,
        momentum: float | None = 0.1,
        eps: float = 1e-5,
        affine: bool = True,
        **options: Unpack[TorchArguments],
    ) -> None:
        super().__init__(num_features, eps=eps, affine=affine, **options)
        if not 0 <= ratio <= 1:
            raise ValueError(f"ratio must be between 0 and 1, not {ratio}")
        self.ratio = ratio
        self.instances = int(ratio * num_features)
        self.running = RunningMoments(num_features, momentum)
        place_tensors(self, options)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `x`."""
        check_input(x, self.num_features)
        Pool(self.num_features).check(x)
        own = moments(x)
        batch = self.running(own)
        first = torch.arange(self.num_features, device=x.device) < self.instances
        mean = torch.where(first, own.mean, batch.mean)
        std = torch.where(first, own.std(self.eps), batch.std(self.eps))
        return normalize(x, mean, std, self.weight, self.bias)

    def extra_repr(self) -> str:
        """What `print` shows in the parentheses."""
        return f"{super().extra_repr()}, ratio={self.ratio}"
