import torch

from medinorm.layers import PermutedAdaIN, moments


class _Rolled(PermutedAdaIN):
    """With the neighbour's style."""

    def others(self, x):
        return torch.arange(x.shape[0]).roll(1)


def test_styles_are_swapped(layout):
    x = layout(torch.randn(3, 2, 4, 5) * torch.tensor([1.0, 4, 9]).view(3, 1, 1, 1) + 2)
    y, own = moments(_Rolled(probability=1.0)(x)), moments(x)
    torch.testing.assert_close(y.mean, own.mean.roll(1, 0), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(y.std(0.0), own.std(0.0).roll(1, 0), rtol=1e-4, atol=0)
