"""Spatially adaptive normalization (SPADE): gain and offset follow a map of regions."""

from typing import Unpack, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medinorm.layers.conditions.network import Conditional
from medinorm.layers.declare import norm
from medinorm.layers.statistics.blocks import in_layout_of, is_channels_last
from medinorm.layers.statistics.channel_norm import (
    ChannelNorm,
    check_input,
)
from medinorm.layers.statistics.pooled import Pool, normalize_pooled
from medinorm.layers.statistics.recorded import can_see_values
from medinorm.layers.statistics.torch_arguments import (
    PerScanArguments,
    place_tensors,
    refuse_bias,
)


@norm(
    "spatially_adaptive",
    "spatially adaptive normalization (SPADE), gain and offset per voxel from "
    "classes of intensity (multi-Otsu)",
    needs=("regions",),
    from_study={"num_regions": "regions"},
)
class SpatiallyAdaptiveNorm3d(ChannelNorm, Conditional):
    r"""Instance norm whose gain and offset depend on the region of each voxel.

    .. math:: y = \mathrm{IN}(x)\,(1 + \gamma(m)) + \beta(m)

    The region map :math:`m` (tissue classes, body and air) is resized by nearest
    neighbour to the level of the layer. A convolution with ReLU and two more give gain
    and offset. Nothing is normalized in between: MONAI's SPADE does that, and thereby
    erases the signal of the regions.

    With `kernel_size` 1 every voxel of a region gets the same gain and offset. They are
    computed once for each region, which makes the layer fast. The paper's 3 lets them
    vary near the borders of regions, at many times the cost of the network itself in
    3D.

    Args:
        num_features: number of channels, :math:`C`.
        num_regions: number of regions, :math:`R`; the map holds 0 to R - 1.
        hidden: channels between the convolutions.
        kernel_size: of all three convolutions, odd.
        eps: added to each variance, in the squared unit of the input.

    Shape:
        - input: :math:`(N, C, ...)`, 1 to 3 spatial axes, more than one voxel
        - regions (from `ConditionalNetwork`): labels :math:`(N, 1, ...)` or the weight
          of each region, :math:`(N, R, ...)`
        - output: that of the input, same dtype and layout

    Raises:
        ValueError: on call: no regions were given or they are out of range; one voxel
            per channel.

    References:
        Park et al., "Semantic Image Synthesis with Spatially-Adaptive Normalization",
        CVPR 2019, arXiv:1903.07291.
    """

    def __init__(
        self,
        num_features: int,
        num_regions: int = 4,
        *,
        hidden: int = 128,
        kernel_size: int = 1,
        eps: float = 1e-5,
        **options: Unpack[PerScanArguments],
    ) -> None:
        super().__init__(num_features, eps=eps, affine=False, **options)
        refuse_bias(type(self).__name__, options, "the regions")
        if num_regions < 2:
            raise ValueError(f"num_regions must be at least 2, not {num_regions}")
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, not {kernel_size}")
        self.num_regions, self.kernel_size = num_regions, kernel_size
        padding = kernel_size // 2
        self.shared = nn.Conv3d(num_regions, hidden, kernel_size, padding=padding)
        # Gain and offset side by side: two convolutions of the same input.
        self.to_affine = nn.Conv3d(
            hidden, 2 * num_features, kernel_size, padding=padding
        )
        place_tensors(self, options)

    @torch.no_grad()
    def start_from(self, gain: Tensor, offset: Tensor) -> None:
        """Add this gain and offset to those of each region."""
        bias = cast(Tensor, self.to_affine.bias)
        bias.add_(torch.cat([gain - 1, offset]))

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `x`."""
        check_input(x, self.num_features)
        normalized = normalize_pooled(x, Pool(self.num_features), eps=self.eps)
        regions = self.read_map("regions", x, "nearest")
        gain, offset = (each.to(x.dtype) for each in self._affine_maps(regions, x))
        # Not addcmul: its backward multiplies by 1 twice.
        return in_layout_of((normalized * gain).add_(offset), x)

    def _affine_maps(self, regions: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Gain and offset of each voxel."""
        labels = regions.shape[1] == 1
        weights = self._weights(regions).to(self.shared.weight.dtype)
        if not labels or self.kernel_size > 1:
            gain, offset = self._convolve(weights).chunk(2, dim=1)
            return 1 + gain, offset
        change, offset = self._table().chunk(2, dim=1)
        return _look_up(1 + change, weights, x), _look_up(offset, weights, x)

    def _table(self) -> Tensor:
        """What convolutions of 1 voxel give in each region, ``(R, 2C)``."""
        to_hidden, to_affine = (
            layer.weight.flatten(1) for layer in (self.shared, self.to_affine)
        )
        one = torch.eye(
            self.num_regions, device=to_hidden.device, dtype=to_hidden.dtype
        )
        hidden = F.relu(F.linear(one, to_hidden, self.shared.bias))
        return F.linear(hidden, to_affine, self.to_affine.bias)

    def _convolve(self, weights: Tensor) -> Tensor:
        """The convolutions, on 1 to 3 spatial axes."""
        axes = weights.dim()
        volume = weights[(..., *(None,) * (5 - axes))]
        maps: Tensor = self.to_affine(F.relu(self.shared(volume)))
        return maps.flatten(axes - 1) if axes < 5 else maps

    def _weights(self, regions: Tensor) -> Tensor:
        """The weight of each region in each voxel.

        Raises:
            ValueError: a label is out of range or no whole number, or the number of
                channels is neither 1 nor that of regions.
        """
        if regions.shape[1] == self.num_regions:
            return regions
        if regions.shape[1] != 1:
            raise ValueError(
                f"regions must have 1 channel of labels or {self.num_regions} of "
                f"weights, not {regions.shape[1]}"
            )
        right = (regions >= 0) & (regions < self.num_regions)
        if regions.is_floating_point():
            right &= regions == regions.round()
        if can_see_values(right) and not bool(right.all()):
            raise ValueError(
                f"regions must hold labels from 0 to {self.num_regions - 1}, whole "
                "numbers"
            )
        known = torch.arange(self.num_regions, device=regions.device)
        return regions == known.view(1, -1, *(1,) * (regions.dim() - 2))


def _look_up(table: Tensor, weights: Tensor, x: Tensor) -> Tensor:
    """What a table ``(R, C)`` holds for the region of each voxel, in the layout of `x`.

    Args:
        table: one row for each region.
        weights: which region a voxel is, ``(N, R, ...)``.
        x: ``(N, C, ...)``.
    """
    if is_channels_last(x):
        return (weights.movedim(1, -1) @ table).movedim(-1, 1)
    # One product a sample: a matrix times a batch copies the batch, and its gradient.
    maps = torch.bmm(table.mT.expand(weights.shape[0], -1, -1), weights.flatten(2))
    return maps.reshape(maps.shape[:2] + x.shape[2:])
