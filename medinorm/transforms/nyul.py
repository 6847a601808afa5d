"""Landmarks of the histogram on a standard scale that training scans set."""

from medinorm.intensity.maps.piecewise import PiecewiseLinearMap
from medinorm.intensity.methods.nyul import NyulStandard
from medinorm.intensity.voxels.kinds import (
    Masks,
    Voxels,
)
from medinorm.transforms.fitted import FittedTransform
from medinorm.transforms.masked import MaskedTransform
from medinorm.transforms.on_keys import InvertibleOnKeys


class NyulNormalize(FittedTransform, MaskedTransform):
    """Bring the landmarks of each scan to a standard scale; in between, linearly.

    Args:
        fitted: a `medinorm.intensity.methods.nyul.NyulStandard`; see `FittedTransform`.
        settings: see `FittedTransform`.

    References:
        Nyul and Udupa, "On standardizing the MR image intensity scale", Magnetic
        Resonance in Medicine 42(6), 1999.

    Examples:
        >>> import torch
        >>> from medinorm.intensity.methods.nyul import fit_nyul, measure_landmarks
        >>> training = [torch.arange(101.0)[None], 5 * torch.arange(101.0)[None]]
        >>> standard = fit_nyul([measure_landmarks(scan, [None]) for scan in training])
        >>> normalize = NyulNormalize(standard, foreground="image")
        >>> normalize(70 * torch.arange(101.0)[None])[0, [1, 50, 99]]
        metatensor([  0.,  50., 100.])
    """

    kinds = (NyulStandard,)

    def fit_masked(self, voxels: Voxels, masks: Masks) -> PiecewiseLinearMap:
        """The lines of a scan."""
        lines: PiecewiseLinearMap = self.map.map_for(voxels, masks)
        return lines


class NyulNormalized(InvertibleOnKeys):
    """`NyulNormalize` for items of a dictionary."""

    array_transform = NyulNormalize
