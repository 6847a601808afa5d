"""Histogram matching to reference scans."""

from collections.abc import Sequence
from typing import Unpack

from medinorm.intensity import find_masks
from medinorm.intensity.maps.piecewise import PiecewiseLinearMap
from medinorm.intensity.methods.histogram import (
    QuantileFunction,
    fit_histogram,
    measure_histogram,
)
from medinorm.intensity.voxels.kinds import (
    Masks,
    Voxels,
)
from medinorm.transforms.fitted import take_recorded
from medinorm.transforms.masked import MaskedTransform
from medinorm.transforms.on_keys import InvertibleOnKeys
from medinorm.transforms.references import Reference, measure_references
from medinorm.transforms.settings import Settings


class HistogramMatch(MaskedTransform):
    """Give the foreground of each channel the distribution of a reference scan.

    Args:
        reference: an image (shape ``(C, ...)``), the path of a NIfTI file, its
            `medinorm.intensity.methods.histogram.QuantileFunction`, or a list of
            several, whose mean quantile function is taken. Or a map fitted by the
            workflow (``medinorm fit``), or the path of its JSON file: the settings
            recorded there are taken.
        quantiles: how many are matched, where images are given.
        settings: foreground and other choices, see `Settings`; of the references too.

    Raises:
        IntensityError: a reference cannot be used.

    Examples:
        >>> import torch
        >>> ramp = torch.linspace(0, 1, 1001)[None]
        >>> match = HistogramMatch(ramp**2, foreground="image")
        >>> bool((match(5 * ramp + 3) - ramp**2).abs().max() < 0.01)
        True
    """

    def __init__(
        self,
        reference: Reference | Sequence[Reference],
        quantiles: int = 256,
        **settings: Unpack[Settings],
    ) -> None:
        target, chosen, _ = take_recorded(reference, settings)
        super().__init__(**chosen)

        def measure(voxels: Voxels) -> QuantileFunction:
            masks = find_masks(voxels, self.policy)
            return measure_histogram(voxels, masks, quantiles)

        measured = measure_references(target, self.policy, QuantileFunction, measure)
        self.target = fit_histogram(measured, scale=None)

    def fit_masked(self, voxels: Voxels, masks: Masks) -> PiecewiseLinearMap:
        """The map of a scan."""
        return self.target.map_for(voxels, masks)


class HistogramMatchd(InvertibleOnKeys):
    """`HistogramMatch` for items of a dictionary."""

    array_transform = HistogramMatch
