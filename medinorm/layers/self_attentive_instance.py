"""Self-attentive factorized instance normalization (SAFIN)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medinorm.layers.affine import ChannelNorm, check_input
from medinorm.layers.blocks import in_layout_of
from medinorm.layers.conditioning import RecordsFeatures, average_blocks
from medinorm.layers.moments import moments
from medinorm.layers.normalize import normalize
from medinorm.layers.pooled import Pool


class SelfAttentiveInstanceNorm3d(ChannelNorm, RecordsFeatures):
    r"""Instance norm with a gain and offset per voxel, attended from a style.

    .. math::
        a = \mathrm{softmax}\bigl(Q(\hat x)\,K(\hat s)^\top\bigr) V(s), \quad
        y = (w\,\hat x + b)\,\mathrm{ReLU}(\Gamma a) + \mathrm{ReLU}(B a)

    :math:`\hat x, \hat s` are instance normalized, :math:`Q, K, V, \Gamma, B` are
    voxel-wise linear maps, and the scores are not divided by :math:`\sqrt C`. The style
    :math:`s` is what reference scans look like at this layer: called through
    `ConditionalNetwork` with ``style=`` reference scans, they pass through the network
    first. Without references :math:`s = x`.

    Keys and values are averages over a coarse grid: full resolution against full
    resolution would need 4 GiB already at 32x32x32.

    Args:
        num_features: number of channels, :math:`C`.
        max_tokens: most cells of the coarse grid of a scan.
        eps: added to each variance, in the squared unit of the input.

    Shape:
        - input: :math:`(N, C, ...)`, 1 to 3 spatial axes, more than one voxel
        - output: the same, same dtype and layout

    Raises:
        ValueError: `max_tokens` is not positive; on call: one voxel per channel.

    References:
        Singh, Hingane, Gong and Wang, "SAFIN: Arbitrary Style Transfer with
        Self-Attentive Factorized Instance Normalization", ICME 2021, arXiv:2105.06129.
    """

    def __init__(
        self, num_features: int, max_tokens: int = 64, *, eps: float = 1e-5
    ) -> None:
        super().__init__(num_features, eps=eps)
        if max_tokens < 1:
            raise ValueError(f"max_tokens must be positive, not {max_tokens}")
        self.max_tokens = max_tokens
        self.to_query = nn.Linear(num_features, num_features)
        self.to_key = nn.Linear(num_features, num_features)
        self.to_value = nn.Linear(num_features, num_features)
        self.to_affine = nn.Linear(num_features, 2 * num_features)
        with torch.no_grad():  # gain about 1, offset about 0: like instance norm
            self.to_affine.weight.mul_(0.1)
            self.to_affine.bias.zero_()[:num_features] = 1

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `x`."""
        check_input(x, self.num_features)
        Pool(self.num_features).check(x)
        own = moments(x)
        normalized = normalize(x, own.mean, own.std(self.eps))
        style = self._style(x, normalized)
        plain, raw = style.chunk(2, dim=2)
        dtype = self.to_query.weight.dtype
        query = self.to_query(normalized.flatten(2).mT.to(dtype))
        attended = F.scaled_dot_product_attention(
            query[:, None],
            self.to_key(plain)[:, None],
            self.to_value(raw)[:, None],
            scale=1.0,
        )[:, 0]
        maps = F.relu(self.to_affine(attended)).mT
        maps = maps.reshape(maps.shape[:2] + x.shape[2:])
        gain, offset = maps.to(x.dtype).chunk(2, dim=1)
        after = (slice(None), *(None,) * (x.dim() - 2))
        weight, bias = (p.to(x.dtype)[after] for p in self.parameters(recurse=False))
        return in_layout_of((normalized * weight + bias) * gain + offset, x)

    def _style(self, x: Tensor, normalized: Tensor) -> Tensor:
        """Tokens to attend to, ``(N, T, 2C)``: normalized and raw features."""
        condition = self.condition
        if condition is None:
            return self._tokens(x, normalized)
        if condition.recording:
            condition.features[self] = self._tokens(x, normalized)
        elif self in condition.features:
            tokens = condition.features[self]
            samples, width = tokens.shape[0] // condition.shots, tokens.shape[2]
            return tokens.reshape(samples, -1, width).expand(x.shape[0], -1, -1)
        return self._tokens(x, normalized)

    def _tokens(self, x: Tensor, normalized: Tensor) -> Tensor:
        """Averages over a coarse grid, ``(N, T, 2C)``."""
        dims = x.dim() - 2
        side = int(self.max_tokens ** (1 / dims) + 1e-6)
        block = [math.ceil(length / side) for length in x.shape[2:]]
        both = torch.cat([normalized, x], dim=1).to(self.to_key.weight.dtype)
        return average_blocks(both, block).flatten(2).mT
