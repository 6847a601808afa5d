import pytest
import torch
from torch import nn

from medinorm.layers import ConditionalNetwork, InstanceNorm3d, MaskedInstanceNorm3d


def _masked(x, mask, channels=3):
    return ConditionalNetwork(MaskedInstanceNorm3d(channels))(x, mask=mask)


def test_padding_has_no_influence(layout):
    x = torch.randn(2, 3, 4, 5, 6) + 2
    padded = layout(torch.nn.functional.pad(x, (0, 4, 1, 0, 2, 3)))
    mask = torch.nn.functional.pad(torch.ones(2, 1, 4, 5, 6), (0, 4, 1, 0, 2, 3))
    y = _masked(padded, mask)[:, :, 2:6, 1:, :6]
    torch.testing.assert_close(y, InstanceNorm3d(3)(x), rtol=1e-5, atol=1e-5)


def test_a_full_mask_is_instance_norm(layout):
    x = layout(torch.randn(2, 3, 4, 4, 4))
    y = _masked(x, torch.ones(1, 1, 4, 4, 4))
    torch.testing.assert_close(y, InstanceNorm3d(3)(x), rtol=1e-5, atol=1e-5)


def test_a_sample_with_an_empty_mask_takes_all_its_voxels():
    x = torch.randn(2, 3, 6)
    mask = torch.zeros(2, 1, 6)
    mask[1, :, :4] = 1
    y = _masked(x, mask)
    torch.testing.assert_close(y[0], InstanceNorm3d(3)(x)[0])
    torch.testing.assert_close(y[1, :, :4], InstanceNorm3d(3)(x[1:, :, :4])[0])


def test_levels_see_the_averaged_mask():
    x, mask = torch.tensor([[[0.0, 0, 0, 4, 4, 4]]]), torch.tensor([[[1.0, 1, 0] * 2]])
    level = nn.Sequential(nn.AvgPool1d(3), MaskedInstanceNorm3d(1, affine=False))
    with pytest.raises(ValueError, match="mask must have 3 axes and 1 samples"):
        ConditionalNetwork(level)(x, mask=mask[0])
    y = ConditionalNetwork(level)(x, mask=mask)
    # Averaged to 2/3 and 2/3: mean 2, two thirds of a voxel each are too few to trust.
    torch.testing.assert_close(y, torch.tensor([[[-1.0, 1.0]]]))


def test_one_map_serves_all_samples():
    x = torch.randn(3, 3, 6)
    mask = torch.tensor([[[1.0, 1, 1, 0, 0, 1]]])
    torch.testing.assert_close(_masked(x, mask), _masked(x, mask.expand(3, 1, 6)))
