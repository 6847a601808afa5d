"""Bias field correction: the receive coil's smooth shading, found by N4."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from medinorm.errors import IntensityError
from medinorm.intensity.maps.intensity_map import require_channels
from medinorm.intensity.voxels.arrays import require_finite
from medinorm.intensity.voxels.kinds import (
    ArrayT,
    Masks,
    Voxels,
    as_mask,
    match_kind,
    require_grid,
    to_host,
)

_LEAST = 8  # voxels along each axis that shrinking leaves
_FEWEST = 100  # voxels from which the field is found

Field = NDArray[np.float32]


@dataclass(frozen=True)
class BiasSettings:
    """How N4 looks for the field.

    Args:
        shrink: step between the voxels that are used along each axis: 4 uses every
            fourth one.
        iterations: largest number on each level. Each level has twice as many splines
            along each axis as the one before.
        control_points: of the splines along each axis on the first level, at least 4.
        threshold: change of the field at which a level ends.
    """

    shrink: int = 4
    iterations: tuple[int, ...] = (50, 50, 50, 50)
    control_points: int = 4
    threshold: float = 1e-3


@dataclass(frozen=True, eq=False)
class BiasField:
    r"""The map :math:`y_v = x_v / b_v` with the shading :math:`b` of each channel.

    The result depends on the position of a voxel, not on its intensity alone. The map
    belongs to one scan.

    Args:
        fields: :math:`b` of each channel, with mean 1 in the foreground.
    """

    fields: tuple[Field, ...]

    def apply(self, array: ArrayT, masks: Masks | None = None) -> ArrayT:
        """Divide by the field, inside and outside of the foreground.

        Args:
            array: shape ``(C, X, Y, Z)``, NumPy or torch, any real data type.
            masks: not used.

        Returns:
            The same shape, kind and device, float32.

        Raises:
            IntensityError: the field is on another grid, or of other channels.
        """
        del masks
        require_channels(array, len(self.fields))
        host = to_host(array)
        mapped = np.empty_like(host, dtype=np.float32)
        for channel, field, out in zip(host, self.fields, mapped, strict=True):
            require_grid(field, channel)
            np.divide(channel, field, out=out, casting="same_kind")
        return match_kind(mapped, array)

    def inverse(self) -> "BiasField":
        """The shading put back."""
        return BiasField(tuple(np.reciprocal(field) for field in self.fields))


def fit_bias_field(
    array: Voxels,
    masks: Masks,
    settings: BiasSettings | None = None,
) -> BiasField:
    """Find the shading of each channel with N4, on a coarser grid.

    Only voxels above 0 count: N4 works on logarithms. The field is that of the coil up
    to a factor, and is returned with mean 1 in the foreground. The spacing of the
    voxels is not needed: the splines divide each axis into equal parts.

    Args:
        array: shape ``(C, X, Y, Z)``, NumPy or torch; raw intensities.
        masks: one mask for each channel; ``None`` for all voxels. A mask without
            air gives a better field.
        settings: ``None``: the defaults.

    Raises:
        IntensityError: fewer than 100 voxels of the foreground are above 0, some are
            NaN or infinite, or a mask is on another grid.

    References:
        Tustison et al., "N4ITK: Improved N3 Bias Correction", IEEE Transactions on
        Medical Imaging 29(6), 2010, DOI 10.1109/TMI.2010.2046908.
    """
    chosen = settings or BiasSettings()
    fields = []
    for channel, mask in zip(array, masks, strict=True):
        if mask is not None:
            require_grid(mask, channel)
        require_finite(channel)
        values = to_host(channel).astype(np.float32)
        inside = values > 0
        if mask is not None:
            inside &= to_host(as_mask(mask))
        if np.count_nonzero(inside) < _FEWEST:
            raise IntensityError(
                f"only {np.count_nonzero(inside)} foreground voxels are above 0, too "
                "few to find a bias field; choose another foreground"
            )
        field = np.exp(_log_field(values, inside, chosen))
        fields.append(field / field[inside].mean(dtype=float).astype(np.float32))
    return BiasField(tuple(fields))


def _log_field(
    channel: Field,
    inside: NDArray[np.bool_],
    settings: BiasSettings,
) -> Field:
    """Logarithm of the shading, on the grid of the channel.

    N4 cannot work on a volume of one slice; such a slice is repeated.
    """
    twice = [(0, int(size == 1)) for size in channel.shape]
    image, mask = (
        sitk.GetImageFromArray(np.pad(volume, twice, mode="edge"))
        for volume in (channel, inside.astype(np.uint8))
    )
    # ITK counts axes backwards.
    shrink = [max(1, min(settings.shrink, n // _LEAST)) for n in channel.shape[::-1]]
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations(settings.iterations)
    n4.SetNumberOfControlPoints([settings.control_points] * channel.ndim)
    n4.SetConvergenceThreshold(settings.threshold)
    n4.Execute(sitk.Shrink(image, shrink), sitk.Shrink(mask, shrink))
    full = n4.GetLogBiasFieldAsImage(image)
    field = np.asarray(sitk.GetArrayFromImage(full), dtype=np.float32)
    return field[tuple(map(slice, channel.shape))]
