"""Self-attentive factorized instance normalization (SAFIN)."""

import math
from typing import Unpack

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medinorm.layers.conditions.network import RecordsFeatures, average_blocks
from medinorm.layers.declare import norm
from medinorm.layers.statistics.blocks import in_layout_of
from medinorm.layers.statistics.channel_norm import (
    ChannelNorm,
    check_input,
    is_recomputing,
)
from medinorm.layers.statistics.pooled import Pool, normalize_pooled
from medinorm.layers.statistics.recorded import is_traced
from medinorm.layers.statistics.torch_arguments import PerScanArguments, place_tensors

RATE = 0.1


class _SlowLinear(nn.Module):
    """A linear map that learns at a tenth of the optimizer's rate.

    Its parameters are stored ten times as large. Optimizers such as Adam move every
    parameter by about the learning rate, whatever its gradient. At a rate that suits
    convolutions the products of these maps grow without limit within a few steps.

    References:
        Karras et al., "Progressive Growing of GANs for Improved Quality, Stability, and
        Variation", ICLR 2018, arXiv:1710.10196 (section 4.1, equalized learning rate).
    """

    def __init__(self, num_inputs: int, num_outputs: int) -> None:
        super().__init__()
        drawn = nn.Linear(num_inputs, num_outputs)
        self.stored_weight = nn.Parameter(drawn.weight.detach() / RATE)
        self.stored_bias = nn.Parameter(drawn.bias.detach() / RATE)

    @property
    def weight(self) -> Tensor:
        """The matrix, ``(outputs, inputs)``."""
        return self.stored_weight * RATE

    @property
    def bias(self) -> Tensor:
        """The offset, ``(outputs,)``."""
        return self.stored_bias * RATE

    def forward(self, x: Tensor) -> Tensor:
        """Map the last axis of `x`."""
        return F.linear(x, self.weight, self.bias)


@norm(
    "self_attentive_instance",
    "self-attentive factorized instance normalization (SAFIN), gain and offset per "
    "voxel attended from unlabelled scans of the domain",
    uses=("style",),
)
class SelfAttentiveInstanceNorm3d(ChannelNorm, RecordsFeatures):
    r"""Instance norm with a gain and offset per voxel, attended from a style.

    .. math::
        a = \mathrm{softmax}\bigl(Q(\hat x)\,K(\hat s)^\top\bigr) V(s), \quad
        y = (w\,\hat x + b)\,\mathrm{ReLU}(\Gamma a) + \mathrm{ReLU}(B a)

    :math:`\hat x, \hat s` are instance normalized, :math:`Q, K, V, \Gamma, B` are
    voxel-wise linear maps, and the scores are not divided by :math:`\sqrt C`. The style
    :math:`s` is made of the features of reference scans at this layer: in a call of
    `ConditionalNetwork` with ``style=`` reference scans, these pass through the network
    first. Without references :math:`s = x`.

    Keys and values are averages over a coarse grid: attention between all voxels would
    need 4 GiB already at 32x32x32.

    Args:
        num_features: number of channels, :math:`C`.
        max_tokens: most cells of the coarse grid of a scan.
        eps: added to each variance, in the squared unit of the input.

    Shape:
        - input: :math:`(N, C, ...)`, 1 to 3 spatial axes, more than one voxel
        - output: the same, same dtype and layout

    Raises:
        ValueError: `max_tokens` is not positive; on call: one voxel per channel; on
            backward: a checkpoint inside the `ConditionalNetwork` lost the references.

    References:
        Singh, Hingane, Gong and Wang, "SAFIN: Arbitrary Style Transfer with
        Self-Attentive Factorized Instance Normalization", ICME 2021, arXiv:2105.06129.
    """

    def __init__(
        self,
        num_features: int,
        max_tokens: int = 8,
        *,
        eps: float = 1e-5,
        **options: Unpack[PerScanArguments],
    ) -> None:
        super().__init__(num_features, eps=eps, **options)
        if max_tokens < 1:
            raise ValueError(f"max_tokens must be positive, not {max_tokens}")
        self.max_tokens = max_tokens
        self._had_references = False  # in any call
        self.to_query = _SlowLinear(num_features, num_features)
        self.to_key = _SlowLinear(num_features, num_features)
        self.to_value = _SlowLinear(num_features, num_features)
        self.to_affine = _SlowLinear(num_features, 2 * num_features)
        with torch.no_grad():  # gain about 1, offset about 0: like instance norm
            self.to_affine.stored_weight.mul_(0.1)
            self.to_affine.stored_bias.zero_()[:num_features] = 1 / RATE
        place_tensors(self, options)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `x`."""
        check_input(x, self.num_features)
        pool = Pool(self.num_features)
        normalized = normalize_pooled(x, pool, eps=self.eps)
        gain, offset = self._attend(normalized, self._style(x, normalized))
        factorized = normalize_pooled(x, pool, self.weight, self.bias, self.eps)
        return in_layout_of(torch.addcmul(offset, factorized, gain), x)

    def _attend(self, normalized: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """Gain and offset of each voxel.

        Args:
            normalized: ``(N, C, ...)``.
            style: tokens, ``(N, T, 2C)``.
        """
        normalized_style, raw_style = style.chunk(2, dim=2)
        keys = self.to_key(normalized_style)
        # Linear maps before the scores and after the weights (which sum to 1) are
        # applied to the few tokens: each voxel needs only products and a softmax.
        scores = torch.baddbmm(
            (keys @ self.to_query.bias)[..., None],
            keys @ self.to_query.weight,
            normalized.flatten(2).to(keys.dtype),
        )
        table = self.to_affine(self.to_value(raw_style))
        maps = F.relu(table.mT @ scores.softmax(1)).to(normalized.dtype)
        maps = maps.reshape(maps.shape[:2] + normalized.shape[2:])
        gain, offset = maps.chunk(2, dim=1)
        return gain, offset

    def _style(self, x: Tensor, normalized: Tensor) -> Tensor:
        """Tokens to attend to, ``(N, T, 2C)``: normalized and raw features."""
        condition = self.condition
        if condition is None:
            if self._had_references and is_recomputing():
                self.read_condition("style")  # raises: a checkpoint lost the references
            return self._tokens(x, normalized)
        if condition.recording:
            condition.features[self] = self._tokens(x, normalized)
        elif self in condition.features:
            self._had_references = True
            tokens = condition.features[self]
            samples, width = tokens.shape[0] // condition.shots, tokens.shape[2]
            return tokens.reshape(samples, -1, width).expand(x.shape[0], -1, -1)
        return self._tokens(x, normalized)

    def _tokens(self, x: Tensor, normalized: Tensor) -> Tensor:
        """Averages over a coarse grid, ``(N, T, 2C)``."""
        dims = x.dim() - 2
        side = int(self.max_tokens ** (1 / dims) + 1e-6)
        dtype = self.to_key.stored_weight.dtype
        # Averaged in float32 at least: torch cannot average half precision on a CPU.
        coarse = (
            _average_cells(each.to(torch.promote_types(dtype, torch.float32)), side)
            for each in (normalized, x)
        )
        return torch.cat([each.flatten(2).mT for each in coarse], dim=2).to(dtype)


def _average_cells(x: Tensor, side: int) -> Tensor:
    """Averages over a grid of at most `side` cells along each axis.

    Raises:
        ValueError: an exporter is to leave the size open, and the number of cells
            depends on it.
    """
    lengths = x.shape[2:]
    if all(type(length) is int for length in lengths):
        return average_blocks(x, [math.ceil(length / side) for length in lengths])
    if side > 2 and not is_traced():
        raise ValueError(
            "SelfAttentiveInstanceNorm3d can be exported for volumes of any size with "
            "max_tokens up to 8, or of one size with any max_tokens"
        )
    for axis, length in enumerate(lengths, start=2):
        step = (length + side - 1) // side
        cells = (length + step - 1) // step if is_traced() else side
        place = torch.arange(length, device=x.device) // step
        inside = place[:, None] == torch.arange(cells, device=x.device)
        share = inside.to(x.dtype) / inside.sum(0).clamp(min=1)
        x = (x.movedim(axis, -1) @ share).movedim(-1, axis)
    return x
