"""Random changes of intensities for training, of nnU-Net's kinds and ranges.

Each takes an image, ``(C, X, Y, Z)``, and gives a new one; each channel is changed by
itself. Noise is a share of the standard deviation of the patch, so that the same ranges
suit every intensity method.

References:
    Isensee et al., "nnU-Net: a self-configuring method for deep learning-based
    biomedical image segmentation", Nature Methods 18, 2021,
    DOI 10.1038/s41592-020-01008-z.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.transforms import MapTransform, RandomizableTransform
from numpy.random import RandomState
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn import functional as F

Change = Callable[[Tensor, RandomState], Tensor]

_LEAST_RANGE = 1e-7


class RandChangesd(RandomizableTransform, MapTransform):  # type: ignore[misc]
    """Change the image of a sample at random, one channel and change after the other.

    Args:
        changes: each takes one channel, ``(X, Y, Z)``, and where to draw from; with the
            probability of that change.
    """

    def __init__(self, changes: Sequence[tuple[Change, float]]) -> None:
        MapTransform.__init__(self, "image")
        RandomizableTransform.__init__(self)
        self._changes = changes

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Change the channels, perhaps."""
        channels = list(data["image"])
        for change, probability in self._changes:
            for number, channel in enumerate(channels):
                if self.R.rand() < probability:
                    channels[number] = change(channel, self.R)
        return {**data, "image": torch.stack(channels)}


def add_noise(channel: Tensor, state: RandomState) -> Tensor:
    """Gaussian noise of up to a tenth of the standard deviation."""
    deviation = state.uniform(0, 0.1) * float(channel.std())
    stream = torch.Generator().manual_seed(int(state.randint(2**31)))
    return channel + deviation * torch.randn(channel.shape, generator=stream)


def blur(channel: Tensor, state: RandomState) -> Tensor:
    """A Gaussian blur of half a voxel to one voxel."""
    sigma = state.uniform(0.5, 1.0)
    return torch.from_numpy(gaussian_filter(channel.numpy(), sigma, truncate=3.0))


def change_brightness(channel: Tensor, state: RandomState) -> Tensor:
    """All intensities times one factor."""
    return channel * state.uniform(0.75, 1.25)


def change_contrast(channel: Tensor, state: RandomState) -> Tensor:
    """Distances from the mean times one factor, within the range there was."""
    low, high = torch.aminmax(channel)
    mean = channel.mean()
    return ((channel - mean) * state.uniform(0.75, 1.25) + mean).clamp_(low, high)


def lower_resolution(channel: Tensor, state: RandomState) -> Tensor:
    """A coarser grid and back; thin axes keep their slices."""
    zoom = state.uniform(0.5, 1.0)
    sizes = channel.shape
    thin = max(sizes) / 3
    coarse = [max(1, round(size * zoom)) if size >= thin else size for size in sizes]
    small = F.interpolate(channel[None, None], coarse, mode="nearest-exact")
    return F.interpolate(small, sizes, mode="trilinear")[0, 0]


def change_gamma(channel: Tensor, state: RandomState) -> Tensor:
    """Intensities to a power within their range; mean and deviation stay."""
    gamma = state.uniform(0.7, 1.5)
    low, high = torch.aminmax(channel)
    width = high - low
    if width <= _LEAST_RANGE:
        return channel
    changed = ((channel - low) / width).pow_(gamma)
    mean = channel.mean()
    deviation = torch.linalg.vector_norm(channel - mean)
    changed -= changed.mean()
    own_deviation = torch.linalg.vector_norm(changed).clamp(min=_LEAST_RANGE)
    return changed.mul_(deviation / own_deviation).add_(mean)


def change_inverted_gamma(channel: Tensor, state: RandomState) -> Tensor:
    """`change_gamma` of the negative image."""
    return -change_gamma(-channel, state)


CHANGES = (
    (add_noise, 0.1),
    (blur, 0.2),
    (change_brightness, 0.15),
    (change_contrast, 0.15),
    (lower_resolution, 0.25),
    (change_inverted_gamma, 0.1),
    (change_gamma, 0.3),
)
"""All changes, in nnU-Net's order and with its probabilities."""
