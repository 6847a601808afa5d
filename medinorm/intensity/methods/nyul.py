"""Landmarks of the histogram on a standard scale, learned from training scans."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from medinorm.errors import IntensityError
from medinorm.intensity.maps.intensity_map import require_channels
from medinorm.intensity.maps.piecewise import PerScanMap, PiecewiseLinearMap, merge_ties
from medinorm.intensity.method import LearnedMethod, PreparedScan, learned
from medinorm.intensity.statistics.moments import require_same_channels
from medinorm.intensity.statistics.quantiles import measure_quantiles
from medinorm.intensity.voxels.kinds import (
    Masks,
    Voxels,
)

PERCENTILES = (1.0, *(float(decile) for decile in range(10, 100, 10)), 99.0)
"""The landmarks of Shah et al.: deciles, without the extreme 1 % of the voxels."""


@dataclass(frozen=True)
class Landmarks:
    """Percentiles of the foreground of one scan.

    Args:
        percentiles: which ones, rising, in percent.
        values: those of each channel, in the unit of the scan.
    """

    percentiles: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class NyulStandard(PerScanMap):
    """Where the landmarks of every scan are brought.

    Args:
        percentiles: the landmarks, in percent.
        values: their places on the standard scale, for each channel.
        background: what voxels outside of the foreground become; ``None``: mapped.
        nonfinite: what NaN and infinity become; ``None``: they stay.
    """

    kind: ClassVar[str] = "nyul"

    percentiles: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]
    background: float | None = None
    nonfinite: float | None = None

    def map_for(self, array: Voxels, masks: Masks) -> PiecewiseLinearMap:
        r"""The map that brings the landmarks of one scan to the standard scale.

        .. math::
            y = s_k + (x - p_k)\,\frac{s_{k+1} - s_k}{p_{k+1} - p_k}, \qquad
            p_k \le x \le p_{k+1}

        with the landmarks :math:`p_k` of the scan and their places :math:`s_k`.

        Landmarks that coincide (many voxels of the same value) become one, and go to
        the mean of their places: the map stays continuous and rising. Outside of the
        landmarks the outermost lines are continued.

        Args:
            array: shape ``(C, ...)``, NumPy or torch.
            masks: one mask for each channel; ``None`` for all voxels.

        Raises:
            IntensityError: fewer than half of the landmarks differ, or the image has
                other channels than the training scans.
        """
        require_channels(array, len(self.values))
        scan = measure_landmarks(array, masks, self.percentiles)
        inputs, outputs = [], []
        for measured, standard in zip(scan.values, self.values, strict=True):
            knots, places = merge_ties(measured, standard)
            if 2 * len(knots) < len(standard):
                raise IntensityError(
                    f"only {len(knots)} of {len(standard)} landmarks differ; choose a "
                    "foreground without background"
                )
            inputs.append(knots)
            outputs.append(places)
        return PiecewiseLinearMap(
            tuple(inputs),
            tuple(outputs),
            background=self.background,
            nonfinite=self.nonfinite,
        )


def measure_landmarks(
    array: Voxels,
    masks: Masks,
    percentiles: tuple[float, ...] = PERCENTILES,
) -> Landmarks:
    """The landmarks of one scan.

    Args:
        array: shape ``(C, ...)``, NumPy or torch.
        masks: one mask for each channel; ``None`` for all voxels.
        percentiles: at least 2, rising; exact order statistics with linear
            interpolation between them.

    Raises:
        IntensityError: no voxel is in a mask, one of them is NaN or infinite, or the
            mask is on another grid.
    """
    fractions = [percentile / 100 for percentile in percentiles]
    values = [
        measure_quantiles(channel, mask, fractions)
        for channel, mask in zip(array, masks, strict=True)
    ]
    return Landmarks(percentiles, tuple(tuple(one.tolist()) for one in values))


def fit_nyul(
    scans: Sequence[Landmarks], scale: tuple[float, float] = (0.0, 100.0)
) -> NyulStandard:
    r"""The standard scale: the mean of the training scans' landmarks.

    .. math::
        s_k = \frac1N \sum_i \Bigl(a +
        (p_{ik} - p_{i1})\,\frac{b - a}{p_{iK} - p_{i1}}\Bigr)

    The landmarks :math:`p_{i1}` to :math:`p_{iK}` of each of the :math:`N` scans are
    first brought linearly to the scale: so gains have no influence.

    Args:
        scans: landmarks of the training scans, all for the same percentiles.
        scale: :math:`a` and :math:`b`, to which the outermost landmarks go.

    Raises:
        IntensityError: no scans, different percentiles or channels, a scan whose
            outermost landmarks coincide, or landmarks that coincide in every scan.

    References:
        Nyul and Udupa, "On standardizing the MR image intensity scale", Magnetic
        Resonance in Medicine 42(6), 1999,
        DOI 10.1002/(SICI)1522-2594(199912)42:6<1072::AID-MRM11>3.0.CO;2-M.

        Nyul, Udupa and Zhang, "New variants of a method of MRI scale standardization",
        IEEE Transactions on Medical Imaging 19(2), 2000, DOI 10.1109/42.836373.

        Shah et al., "Evaluating intensity normalization on MRIs of human brain with
        multiple sclerosis", Medical Image Analysis 15(2), 2011,
        DOI 10.1016/j.media.2010.12.003.
    """
    if len({scan.percentiles for scan in scans}) != 1:
        raise IntensityError(
            f"{len(scans)} scans share no landmarks; measure one or more scans, all "
            "with the same percentiles"
        )
    require_same_channels([len(scan.values) for scan in scans])
    measured = np.array([scan.values for scan in scans])
    low, high = measured[..., :1], measured[..., -1:]
    if (low == high).any():
        raise IntensityError(
            "the outermost landmarks of a training scan coincide; choose a foreground "
            "without background"
        )
    places = scale[0] + (measured - low) * ((scale[1] - scale[0]) / (high - low))
    standard = places.mean(axis=0)
    if (np.diff(standard) <= 0).any():
        raise IntensityError(
            "landmarks coincide in every training scan; choose a foreground without "
            "background, or fewer percentiles"
        )
    return NyulStandard(scans[0].percentiles, tuple(map(tuple, standard.tolist())))


@learned(
    "nyul",
    "landmarks of each scan's histogram on a standard scale learned from the training "
    "scans (Nyul and Udupa 1999)",
    transform="NyulNormalize",
)
@dataclass(frozen=True)
class Nyul(LearnedMethod[Landmarks, NyulStandard]):
    """Landmarks on a standard scale, learned by `fit_nyul` from training scans.

    The map of each scan is that of `NyulStandard.map_for`; for the options see
    `measure_landmarks`.
    """

    percentiles: tuple[float, ...]
    scale: tuple[float, float]

    def measure(self, scan: PreparedScan) -> Landmarks:
        """The landmarks of a scan."""
        return measure_landmarks(scan.array, scan.masks, self.percentiles)

    def fit(self, measured: Sequence[Landmarks]) -> NyulStandard:
        """The standard scale."""
        return fit_nyul(measured, self.scale)

    def map_for(self, learned: NyulStandard, scan: PreparedScan) -> PiecewiseLinearMap:
        """The lines of a scan."""
        return learned.map_for(scan.array, scan.masks)
