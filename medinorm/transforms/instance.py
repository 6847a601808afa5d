"""Instance normalization at image level: the z-score of each channel of a scan."""

from medinorm.intensity import LinearMap, Policy, fit_instance
from medinorm.intensity.voxels.kinds import Voxels
from medinorm.transforms.intensity_transform import IntensityTransform
from medinorm.transforms.on_keys import InvertibleOnKeys


class InstanceNormalize(IntensityTransform):
    """Bring each channel of a scan to mean 0 and standard deviation 1.

    Args:
        settings: foreground and other choices, see `Settings`.

    Examples:
        >>> import torch
        >>> scan = torch.tensor([[0.0, 0.0, 10.0, 14.0]])
        >>> InstanceNormalize(foreground="nonzero")(scan)
        metatensor([[-6., -6., -1.,  1.]])
        >>> InstanceNormalize(foreground="nonzero", background=0.0)(scan)
        metatensor([[ 0.,  0., -1.,  1.]])
    """

    def fit(self, voxels: Voxels, policy: Policy, mask: Voxels | None) -> LinearMap:
        """The z-score of a scan."""
        return fit_instance(voxels, policy, mask)


class InstanceNormalized(InvertibleOnKeys):
    """`InstanceNormalize` for items of a dictionary.

    Examples:
        >>> import torch
        >>> scan = {"image": torch.tensor([[0.0, 4.0]]), "brain": torch.ones(1, 2)}
        >>> normalize = InstanceNormalized("image", foreground="file", mask_key="brain")
        >>> normalize(scan)["image"]
        metatensor([[-1.,  1.]])
        >>> normalize.inverse(normalize(scan))["image"]
        metatensor([[0., 4.]])
    """

    array_transform = InstanceNormalize
