"""Scale by the mean of one tissue, found by fuzzy c-means."""

from typing import Unpack

from medinorm.choices import TissueName
from medinorm.intensity import LinearMap
from medinorm.intensity.methods.fcm import fit_fcm
from medinorm.intensity.voxels.kinds import (
    Masks,
    Voxels,
)
from medinorm.transforms.masked import MaskedTransform
from medinorm.transforms.on_keys import InvertibleOnKeys
from medinorm.transforms.settings import Settings, require_known


class FcmNormalize(MaskedTransform):
    """Bring the mean of one of three tissues to 1.

    For brains, best with ``foreground="file"`` and a brain mask: elsewhere fat is the
    brightest tissue.

    Args:
        tissue: by its intensity: white matter is ``brightest`` in T1, gray matter
            ``middle`` and fluid ``darkest``; in T2 the other way round.
        settings: foreground and other choices, see `Settings`.

    References:
        Reinhold, Dewey, Carass and Prince, "Evaluating the impact of intensity
        normalization on MR image synthesis", SPIE Medical Imaging 2019.

    Examples:
        >>> import torch
        >>> scan = torch.randn(1, 3, 2000, generator=torch.manual_seed(0))
        >>> scan += torch.tensor([[30.0], [60.0], [90.0]])  # fluid, gray, white matter
        >>> fluid, gray, white = FcmNormalize(foreground="image")(scan)[0]
        >>> [round(float(tissue.mean()), 2) for tissue in (fluid, gray, white)]
        [0.33, 0.67, 1.0]
    """

    def __init__(
        self, tissue: TissueName = "brightest", **settings: Unpack[Settings]
    ) -> None:
        super().__init__(**settings)
        require_known("tissue", tissue, TissueName)
        self.tissue: TissueName = tissue

    def fit_masked(self, voxels: Voxels, masks: Masks) -> LinearMap:
        """The factor of each channel of a scan."""
        return fit_fcm(voxels, masks, self.tissue)


class FcmNormalized(InvertibleOnKeys):
    """`FcmNormalize` for items of a dictionary."""

    array_transform = FcmNormalize
