"""Layer normalization at image level: one z-score for all channels of a scan."""

from medinorm.intensity import LinearMap, Policy, fit_layer
from medinorm.intensity.voxels.kinds import Voxels
from medinorm.transforms.intensity_transform import IntensityTransform
from medinorm.transforms.on_keys import InvertibleOnKeys


class LayerNormalize(IntensityTransform):
    """Bring all channels of a scan together to mean 0 and standard deviation 1.

    Differences between channels stay: for channels in one unit, such as echoes.

    Args:
        settings: foreground and other choices, see `Settings`.

    Examples:
        >>> import torch
        >>> echoes = torch.tensor([[4.0, 4.0], [2.0, 2.0]])
        >>> LayerNormalize(foreground="image")(echoes)
        metatensor([[ 1.,  1.],
                [-1., -1.]])
    """

    def fit(self, voxels: Voxels, policy: Policy, mask: Voxels | None) -> LinearMap:
        """The z-score of a scan."""
        return fit_layer(voxels, policy, mask)


class LayerNormalized(InvertibleOnKeys):
    """`LayerNormalize` for items of a dictionary."""

    array_transform = LayerNormalize
