"""WhiteStripe: standardize by normal-appearing white matter."""

from typing import Unpack

from medinorm.choices import PeakName
from medinorm.intensity import LinearMap
from medinorm.intensity.methods.whitestripe import fit_whitestripe
from medinorm.intensity.voxels.kinds import (
    Masks,
    Voxels,
)
from medinorm.transforms.masked import MaskedTransform
from medinorm.transforms.on_keys import InvertibleOnKeys
from medinorm.transforms.settings import Settings, require_known


class WhiteStripeNormalize(MaskedTransform):
    """Bring white matter to mean 0 and standard deviation 1.

    For brains, best with ``foreground="file"`` and a brain mask: elsewhere fat is the
    brightest tissue.

    Args:
        peak: white matter's: ``brightest`` in T1, ``largest`` in T2 and FLAIR.
        width: half the width of the stripe, as a share of the foreground.
        settings: foreground and other choices, see `Settings`.

    References:
        Shinohara et al., "Statistical normalization techniques for magnetic resonance
        imaging", NeuroImage: Clinical 6, 2014.

    Examples:
        >>> import torch
        >>> scan = torch.randn(1, 2, 4000, generator=torch.manual_seed(0)) * 5
        >>> scan += torch.tensor([[60.0], [100.0]])  # gray matter and white matter
        >>> gray, white = WhiteStripeNormalize(foreground="image")(scan)[0]
        >>> bool(white.median().abs() < 1), bool(gray.median() < -10)
        (True, True)
    """

    def __init__(
        self,
        peak: PeakName = "brightest",
        width: float = 0.05,
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(**settings)
        require_known("peak", peak, PeakName)
        self.peak: PeakName = peak
        self.width = width

    def fit_masked(self, voxels: Voxels, masks: Masks) -> LinearMap:
        """The z-score by the white stripe of a scan."""
        return fit_whitestripe(voxels, masks, self.peak, self.width)


class WhiteStripeNormalized(InvertibleOnKeys):
    """`WhiteStripeNormalize` for items of a dictionary."""

    array_transform = WhiteStripeNormalize
