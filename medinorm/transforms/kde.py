"""Scale by the peak of one tissue in the smoothed histogram."""

from typing import Unpack

from medinorm.choices import PeakName
from medinorm.intensity import LinearMap
from medinorm.intensity.methods.kde import fit_kde
from medinorm.intensity.voxels.kinds import (
    Masks,
    Voxels,
)
from medinorm.transforms.masked import MaskedTransform
from medinorm.transforms.on_keys import InvertibleOnKeys
from medinorm.transforms.settings import Settings, require_known


class KdeNormalize(MaskedTransform):
    """Bring the peak of one tissue in the smoothed histogram to 1.

    For brains, best with ``foreground="file"`` and a brain mask: elsewhere fat is the
    brightest tissue.

    Args:
        peak: white matter's: ``brightest`` in T1, ``largest`` in T2 and FLAIR.
        settings: foreground and other choices, see `Settings`.

    References:
        Reinhold, Dewey, Carass and Prince, "Evaluating the impact of intensity
        normalization on MR image synthesis", SPIE Medical Imaging 2019.

    Examples:
        >>> import torch
        >>> scan = torch.randn(1, 2, 4000, generator=torch.manual_seed(0)) * 5
        >>> scan += torch.tensor([[60.0], [100.0]])  # gray matter and white matter
        >>> gray, white = KdeNormalize(foreground="image")(scan)[0]
        >>> bool((white.median() - 1).abs() < 0.02), bool(gray.median() < 0.7)
        (True, True)
    """

    def __init__(
        self, peak: PeakName = "brightest", **settings: Unpack[Settings]
    ) -> None:
        super().__init__(**settings)
        require_known("peak", peak, PeakName)
        self.peak: PeakName = peak

    def fit_masked(self, voxels: Voxels, masks: Masks) -> LinearMap:
        """The factor of each channel of a scan."""
        return fit_kde(voxels, masks, self.peak)


class KdeNormalized(InvertibleOnKeys):
    """`KdeNormalize` for items of a dictionary."""

    array_transform = KdeNormalize
