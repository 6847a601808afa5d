"""From reference scans to a style code."""

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn


class StyleEncoder(nn.Module):
    """Encode the appearance of the scans of one scanner, not their anatomy.

    Strided convolutions, the mean over all voxels, a linear map. There is no norm
    inside: it would remove the gain and the contrast that the code must describe. The
    code of K scans is the arithmetic mean of their codes (K-shot).

    Args:
        in_channels: image channels.
        style_dim: length of a code, :math:`S`.
        channels: feature channels; each level halves the grid.
        spatial_dims: spatial axes of a scan, 1 to 3.

    Shape:
        - input: :math:`(N, C, ...)` or, for K scans each, :math:`(N, K, C, ...)`
        - output: :math:`(N, S)`

    Raises:
        ValueError: on call: the scans have a wrong number of axes.

    Examples:
        >>> import torch
        >>> encoder = StyleEncoder(style_dim=5)
        >>> scans = torch.randn(2, 1, 9, 8, 7)
        >>> three = torch.stack([scans] * 3, dim=1)
        >>> encoder(scans).shape, encoder(three).allclose(encoder(scans), atol=1e-6)
        (torch.Size([2, 5]), True)

    References:
        Li, Liu, Yang and Yin, "FET-GAN: Font and Effect Transfer via K-shot Adaptive
        Instance Normalization", AAAI 2020.
    """

    def __init__(
        self,
        in_channels: int = 1,
        style_dim: int = 64,
        channels: Sequence[int] = (16, 32, 64),
        spatial_dims: int = 3,
    ) -> None:
        super().__init__()
        convolution = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[spatial_dims - 1]
        widths = [in_channels, *channels]
        self.spatial_dims = spatial_dims
        self.levels = nn.ModuleList(
            convolution(before, after, 3, stride=2, padding=1)
            for before, after in pairwise(widths)
        )
        self.to_code = nn.Linear(widths[-1], style_dim)

    def forward(self, scans: Tensor) -> Tensor:
        """Encode the scans of each sample."""
        axes = scans.dim() - self.spatial_dims
        if axes not in {2, 3}:
            raise ValueError(
                f"reference scans must be (N, C, ...) or (N, K, C, ...) with "
                f"{self.spatial_dims} spatial axes, got {scans.dim()} axes"
            )
        shots = scans.shape[1] if axes == 3 else 1
        features = scans.flatten(0, 1) if axes == 3 else scans
        for level in self.levels:
            features = F.leaky_relu(level(features), 0.1)
        codes: Tensor = self.to_code(features.flatten(2).mean(2))
        return codes.reshape(-1, shots, codes.shape[1]).mean(1)
