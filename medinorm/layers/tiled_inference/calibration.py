"""Weights with which a few tiles represent the whole volume."""

from collections.abc import Sequence

import torch
from torch import Tensor

from medinorm.layers.tiled_inference.tiles import Tile, part_of

TRUST = 0.03  # weight of equal weights against totals that agree


def calibrate(volume: Tensor, chosen: Sequence[Tile], cells: Sequence[Tile]) -> Tensor:
    r"""How often each chosen tile must count to give the totals of the volume.

    A few tiles may hold too much air or too little. Some totals of the input are known
    for the whole volume, unlike those of the features inside a network: the number of
    voxels, the sum and the sum of squares of their intensities above the darkest one,
    and the squared differences between neighbours. The weights are near 1 and bring the
    sample to these totals, as in survey sampling:

    .. math:: \min_{w \ge 0}
        \sum_k \Bigl(\frac{d \sum_i w_i f_{ik}}{F_k} - 1\Bigr)^2
        + \frac{\lambda}{n} \sum_i (w_i - 1)^2

    with :math:`f_{ik}` the sums of tile :math:`i`, :math:`F_k` the totals, :math:`d`
    the voxels of the volume over those of the sample, :math:`\lambda` = 0.03.

    Args:
        volume: ``(1, C, ...)``.
        chosen: some of `cells`.
        cells: tiles whose cores make up the volume.

    Returns:
        One weight a tile, float64, not negative, about 1.

    References:
        Deville and Särndal, "Calibration Estimators in Survey Sampling", Journal of the
        American Statistical Association 87, 1992.
    """
    if len(chosen) == len(cells):
        return torch.ones(len(chosen), dtype=torch.float64)
    dark = volume.flatten(2).amin(2).double()[0]
    total = torch.stack([_sums(volume, dark, tile) for tile in cells]).sum(0)
    sample = torch.stack([_sums(volume, dark, tile) for tile in chosen])
    design = total[0] / sample[:, 0].sum()
    known = total > 0  # a constant channel gives no information
    return _solve((design * sample[:, known] / total[known]).T)


def _sums(volume: Tensor, dark: Tensor, tile: Tile) -> Tensor:
    """Voxels of a tile, and the sums of each channel above its darkest value."""
    voxels = part_of(volume, tile.core)[0].double()
    bright = voxels.flatten(1) - dark[:, None]
    steps = torch.zeros_like(dark)
    for axis in range(1, voxels.dim()):
        steps = steps + voxels.diff(dim=axis).square().flatten(1).sum(1)
    count = dark.new_full((1,), bright.shape[1])
    return torch.cat([count, bright.sum(1), bright.square().sum(1), steps])


def _solve(shares: Tensor) -> Tensor:
    """The weights; those that would be negative are set to 0, one round at a time.

    Args:
        shares: what each tile has of each total, 0 to 1, ``(K, n)``.
    """
    size = shares.shape[1]
    left = torch.ones(size, dtype=torch.bool, device=shares.device)
    while True:
        kept = shares[:, left]
        ridge = TRUST / size * torch.eye(kept.shape[1], device=kept.device)
        change = torch.linalg.solve(kept.T @ kept + ridge, kept.T @ (1 - kept.sum(1)))
        weights = shares.new_zeros(size)
        weights[left] = 1 + change
        positive = weights > 0
        if torch.equal(positive, left):
            return weights
        left = positive
