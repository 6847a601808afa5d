"""Contrast of scanners that were never seen, drawn at random."""

from typing import Any, TypedDict, Unpack

import numpy as np
from monai.transforms import RandomizableTransform
from monai.utils import TransformBackends

from medinorm.intensity.contrast import (
    Bounds,
    Contrast,
    ContrastRanges,
    draw_contrast,
)
from medinorm.intensity.voxels.kinds import (
    match_kind,
    to_host,
)
from medinorm.transforms.on_keys import RandomOnKeys
from medinorm.transforms.settings import require_pair
from medinorm.transforms.torchio_images import is_of_torchio, map_torchio
from medinorm.transforms.voxels import image_of, image_voxels, strip_metadata


class ContrastSettings(TypedDict, total=False):
    """The ranges that changes are drawn from: lowest and highest value of each.

    Defaults are those of `medinorm.intensity.contrast.ContrastRanges`.

    Args:
        gain: factor on all intensities, above 0.
        offset: added to all intensities, as a share of the range of intensities.
        gamma: exponent, above 0.
        bias: greatest absolute logarithm of the bias field; 0.3 is 35 % brighter.
        noise: standard deviation, as a share of the range of intensities.
        thickness: of the slices along one axis drawn at random, in voxels, at least 1.
        rician: whether noise is that of magnitude images (MR), or Gaussian (CT).
        chance: probability of each change, where there is one at all.
    """

    gain: Bounds
    offset: Bounds
    gamma: Bounds
    bias: Bounds
    noise: Bounds
    thickness: Bounds
    rician: bool
    chance: float


class RandScannerContrast(RandomizableTransform):  # type: ignore[misc]
    """Change gain, offset, gamma, bias field, noise and slice thickness at random.

    All channels are changed alike, except for their noise. There is no inverse: where
    pipelines are inverted, MONAI skips this step.

    Args:
        prob: probability of a change.
        ranges: what is drawn from, see `ContrastSettings`.

    Raises:
        TypeError: there is no such range.
        ValueError: a range is no two numbers.
        IntensityError: a range is impossible; on call: voxels are NaN or infinite.

    References:
        Zhang et al., "Generalizing Deep Learning for Medical Image Segmentation to
        Unseen Domains via Deep Stacked Transformation", IEEE Transactions on Medical
        Imaging 39(7), 2020.

    Examples:
        >>> import torch
        >>> scan = torch.linspace(0, 1, 4096).reshape(1, 16, 16, 16)
        >>> augment = RandScannerContrast(prob=1.0).set_random_state(seed=0)
        >>> first = augment(scan)
        >>> bool((augment.set_random_state(seed=0)(scan) == first).all())
        True
    """

    backend = (TransformBackends.NUMPY,)

    def __init__(self, prob: float = 0.1, **ranges: Unpack[ContrastSettings]) -> None:
        super().__init__(prob)
        known = ContrastSettings.__annotations__
        if unknown := sorted(ranges.keys() - known.keys()):
            raise TypeError(f"there is no {unknown[0]!r}; known: {', '.join(known)}")
        for name, bounds in ranges.items():
            if name not in {"rician", "chance"}:
                require_pair(name, bounds)
        self.ranges = ContrastRanges(**ranges)
        self._seed = 0

    def randomize(self, data: object = None) -> None:
        """Draw whether and what to change."""
        super().randomize(data)
        # Always drawn: later draws do not depend on whether there is a change.
        self._seed = int(self.R.randint(2**32, dtype=np.uint64))

    def __call__(self, img: Any, randomize: bool = True) -> Any:
        """Change an image, perhaps.

        Args:
            img: shape ``(C, ...)``.
            randomize: draw anew; otherwise change it as the last one.

        Returns:
            Float32, changed or not.
        """
        if randomize:
            self.randomize()
        if is_of_torchio(img):
            return map_torchio(
                img, lambda voxels: strip_metadata(self(voxels, randomize=False))
            )
        voxels = image_voxels(img)
        contrast = Contrast()
        if self._do_transform:
            rng = np.random.default_rng(self._seed)
            contrast = draw_contrast(self.ranges, rng, axes=voxels.ndim - 1)
        return image_of(match_kind(contrast.apply(to_host(voxels)), voxels), img)


class RandScannerContrastd(RandomOnKeys):
    """`RandScannerContrast` for items of a dictionary, all changed alike."""

    array_transform = RandScannerContrast
