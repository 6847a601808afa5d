"""Random changes of contrast for training, as other scanners would make them.

Every function takes and returns one channel of float32. Levels are measured above the
dark level of the channel and as shares of its range (see `measure_range`), so that the
same numbers suit raw and normalized intensities.

References:
    Zhang et al., "Generalizing Deep Learning for Medical Image Segmentation to Unseen
    Domains via Deep Stacked Transformation", IEEE Transactions on Medical Imaging
    39(7), 2020, DOI 10.1109/TMI.2020.2973595.

    Billot et al., "SynthSeg: Segmentation of brain MRI scans of any contrast and
    resolution without retraining", Medical Image Analysis 86, 2023,
    DOI 10.1016/j.media.2023.102789.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medinorm.errors import IntensityError
from medinorm.intensity.voxels.arrays import require_finite

Channel = NDArray[np.float32]
Bounds = tuple[float, float]

_EXTREME = 0.005
_SAMPLE = 100_000  # voxels that the range is measured from
_WAVES = 4  # cosines along each axis in a bias field, with the constant


@dataclass(frozen=True)
class ContrastRanges:
    """What `draw_contrast` draws from: lowest and highest value of each change.

    Args:
        gain: factor on all intensities, above 0; drawn evenly on a logarithmic scale.
        offset: added to all intensities, as a share of the range.
        gamma: exponent, above 0; drawn evenly on a logarithmic scale.
        bias: greatest absolute logarithm of the bias field; 0.3 is 35 % brighter.
        noise: standard deviation, as a share of the range.
        thickness: of the slices along one axis drawn at random, in voxels, at least 1.
        rician: whether noise is that of magnitude images (MR), or Gaussian (CT).
        chance: probability of each change.
    """

    gain: Bounds = (0.7, 1.4)
    offset: Bounds = (-0.1, 0.1)
    gamma: Bounds = (0.7, 1.4)
    bias: Bounds = (0.0, 0.4)
    noise: Bounds = (0.0, 0.08)
    thickness: Bounds = (1.0, 4.0)
    rician: bool = True
    chance: float = 0.5

    def __post_init__(self) -> None:
        least = {"gain": 0, "gamma": 0, "bias": 0, "noise": 0, "thickness": 1}
        for name in (*least, "offset"):
            low, high = getattr(self, name)
            above_0 = name not in ("gain", "gamma") or low > 0
            if not (least.get(name, -np.inf) <= low <= high < np.inf and above_0):
                raise IntensityError(
                    f"{name} cannot be drawn between {low:g} and {high:g}"
                )
        if not 0 <= self.chance <= 1:
            raise IntensityError(f"chance must be between 0 and 1, not {self.chance:g}")


@dataclass(frozen=True)
class Contrast:
    """One drawn change of contrast; the same one gives the same voxels.

    In the order of the physics: tissue contrast, coil, slices, noise, amplification.

    Args:
        gain: factor on all intensities; 1 changes nothing.
        offset: added, as a share of the range; 0 changes nothing.
        gamma: exponent; 1 changes nothing.
        bias: greatest absolute logarithm of the bias field; 0 is no field.
        noise: standard deviation, as a share of the range; 0 is none.
        thickness: of the slices, in voxels; 1 changes nothing.
        axis: across the slices.
        rician: the noise's distribution.
        seed: of noise and bias field.
    """

    gain: float = 1.0
    offset: float = 0.0
    gamma: float = 1.0
    bias: float = 0.0
    noise: float = 0.0
    thickness: float = 1.0
    axis: int = -1
    rician: bool = True
    seed: int = 0

    def apply(self, array: NDArray[Any]) -> Channel:
        """Change all channels in the same way; only their noise differs.

        Args:
            array: shape ``(C, ...)``, finite, any real data type; not changed.

        Returns:
            The same shape, float32.

        Raises:
            IntensityError: voxels are NaN or infinite.
        """
        rng = np.random.default_rng(self.seed)
        field = None
        if self.bias:
            field = draw_field(array.shape[1:], self.bias, rng)
        changed = [self._apply(channel, field, rng) for channel in array]
        return np.stack(changed)

    def _apply(
        self, channel: NDArray[Any], field: Channel | None, rng: np.random.Generator
    ) -> Channel:
        low, high = measure_range(channel)
        image = channel.astype(np.float32)
        if self.gamma != 1:
            image = change_gamma(image, self.gamma, (low, high))
        if field is not None:
            image = (image - np.float32(low)) * field + np.float32(low)
        if self.thickness > 1:
            image = thicken_slices(image, self.thickness, self.axis)
        if self.noise:
            deviation = self.noise * (high - low)
            noise = add_rician_noise if self.rician else add_gaussian_noise
            image = noise(image - np.float32(low), deviation, rng) + np.float32(low)
        if (self.gain, self.offset) != (1, 0):
            image *= np.float32(self.gain)
            image += np.float32(self.offset * (high - low))
        return image


def draw_contrast(
    ranges: ContrastRanges, rng: np.random.Generator, axes: int = 3
) -> Contrast:
    """Draw one change of contrast.

    Args:
        ranges: what to draw from.
        rng: where all randomness comes from.
        axes: how many the image has; slices are thickened along one of them.
    """
    drawn = {
        "gain": _draw_factor(ranges.gain, rng),
        "offset": rng.uniform(*ranges.offset),
        "gamma": _draw_factor(ranges.gamma, rng),
        "bias": rng.uniform(*ranges.bias),
        "noise": rng.uniform(*ranges.noise),
        "thickness": rng.uniform(*ranges.thickness),
    }
    # All are drawn, then some are used: so one range has no influence on the others.
    taken = rng.random(len(drawn)) < ranges.chance
    changes = {
        name: float(value)
        for (name, value), take in zip(drawn.items(), taken, strict=True)
        if take
    }
    axis, seed = int(rng.integers(axes)), int(rng.integers(2**32))
    return Contrast(**changes, axis=axis, rician=ranges.rician, seed=seed)


def measure_range(channel: NDArray[Any]) -> Bounds:
    """Dark and bright level of a channel: quantiles 0.5 % and 99.5 %.

    They are measured on at most 100 000 voxels: fast, with an error of about 1 % of the
    range. The same channel always gives the same levels. A constant channel has range
    0, and only gain changes it.

    Raises:
        IntensityError: voxels are NaN or infinite.
    """
    require_finite(channel)
    sample = _sample(channel.ravel(order="K"))
    low, high = np.quantile(sample.astype(np.float64), (_EXTREME, 1 - _EXTREME))
    return float(low), float(high)


def change_gamma(image: Channel, gamma: float, bounds: Bounds) -> Channel:
    r"""Bend the contrast between two levels.

    .. math:: y = l + (h - l) \left(\frac{x - l}{h - l}\right)^\gamma

    Below :math:`l` the curve is continued by point reflection at :math:`l`.

    Args:
        image: any shape.
        gamma: above 1 darkens what is between the levels, below 1 brightens it.
        bounds: :math:`l` and :math:`h`, which do not change.
    """
    low, high = map(np.float32, bounds)
    if not high > low:
        return image.copy()
    share = (image - low) / (high - low)
    bent = np.abs(share) ** np.float32(gamma)
    return np.asarray(np.copysign(bent, share) * (high - low) + low)


def draw_field(
    shape: Sequence[int], strength: float, rng: np.random.Generator
) -> Channel:
    r"""A smooth field to multiply with: random cosines of long wavelengths.

    .. math:: \log b = \sum_{ijk} a_{ijk} \cos(\pi i x) \cos(\pi j y) \cos(\pi k z),
        \qquad i, j, k < 4, \quad 0 \le x, y, z \le 1

    with coefficients that fall with the frequency.

    Args:
        shape: of the field.
        strength: greatest absolute logarithm; positive.
        rng: draws the coefficients.
    """
    orders = np.indices((_WAVES,) * len(shape))
    frequency = np.sqrt(np.square(orders).sum(axis=0))
    field = rng.standard_normal(frequency.shape) / np.maximum(frequency, 1)
    field.flat[0] = 0  # a constant would be gain
    for axis, size in enumerate(shape):
        places = (np.arange(size) + 0.5) / size
        waves = np.cos(np.pi * places[:, np.newaxis] * np.arange(_WAVES))
        field = _along(waves.astype(np.float32), field.astype(np.float32), axis)
    largest = float(np.abs(field).max())
    scaled = field * np.float32(strength / largest if largest else 0)
    return np.asarray(np.exp(scaled), dtype=np.float32)


def thicken_slices(image: Channel, thickness: float, axis: int) -> Channel:
    """The image as if acquired in thicker slices, on the same grid.

    Each slice is the mean over its thickness; between their centres values are
    interpolated linearly.

    Args:
        image: any number of axes.
        thickness: in voxels, at least 1; rounded so that slices fill the axis.
        axis: across the slices.
    """
    size = image.shape[axis]
    count = max(1, round(size / thickness))
    edges = np.linspace(0, size, count + 1)
    voxels = np.arange(size)
    overlap = np.minimum(edges[1:, None], voxels + 1) - np.maximum(
        edges[:-1, None], voxels
    )
    means = overlap.clip(0) * (count / size)
    centres = (edges[1:] + edges[:-1]) / 2
    weights = [np.interp(voxels + 0.5, centres, unit) for unit in np.eye(count)]
    return _along((np.transpose(weights) @ means).astype(np.float32), image, axis)


def add_gaussian_noise(
    image: Channel, deviation: float, rng: np.random.Generator
) -> Channel:
    """Noise of the same deviation everywhere.

    Args:
        image: any shape.
        deviation: standard deviation, in the unit of the image.
        rng: source of the noise.
    """
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    noise *= np.float32(deviation)
    noise += image
    return noise


def add_rician_noise(
    image: Channel, deviation: float, rng: np.random.Generator
) -> Channel:
    """Magnitude of the image after complex Gaussian noise; never below 0.

    Args:
        image: any shape; air at 0.
        deviation: standard deviation in each part, in the unit of the image.
        rng: source of the noise.

    References:
        Gudbjartsson and Patz, "The Rician distribution of noisy MRI data", Magnetic
        Resonance in Medicine 34(6), 1995, DOI 10.1002/mrm.1910340618.
    """
    real = add_gaussian_noise(image, deviation, rng)
    imaginary = add_gaussian_noise(np.zeros_like(image), deviation, rng)
    return np.hypot(real, imaginary, out=real)


def _sample(flat: NDArray[Any]) -> NDArray[Any]:
    """A random voxel of each of many equal parts of a vector.

    A fixed step could meet the same slice each time: if it is a multiple of the number
    of voxels from one to the next in memory.
    """
    if flat.size <= _SAMPLE:
        return flat
    jitter = np.random.default_rng(0).random(_SAMPLE)
    places = (np.arange(_SAMPLE) + jitter) * (flat.size / _SAMPLE)
    return flat[np.minimum(places.astype(np.intp), flat.size - 1)]


def _draw_factor(bounds: Bounds, rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(bounds))))


def _along(matrix: Channel, image: Channel, axis: int) -> Channel:
    """Multiply each line of the image along an axis by a matrix."""
    product = np.tensordot(matrix, image, axes=(1, axis))
    return np.ascontiguousarray(np.moveaxis(product, 0, axis))
