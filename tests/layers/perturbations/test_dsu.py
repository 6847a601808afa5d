import torch

from medinorm.layers import DSU, moments


def test_styles_spread_as_in_the_batch():
    x = torch.randn(4, 1, 500) + torch.tensor([0.0, 1, 2, 3]).view(4, 1, 1)
    layer, own = DSU(probability=1.0, seed=0), moments(x)
    means = torch.stack([moments(layer(x)).mean for _ in range(2000)])
    wanted = own.mean.std(0, correction=0)
    torch.testing.assert_close(means.mean(0), own.mean, rtol=0, atol=0.1)
    torch.testing.assert_close(means.std(0), wanted.expand(4, 1), rtol=0.1, atol=0)


def test_without_a_factor_nothing_moves():
    x = torch.randn(3, 2, 8)
    torch.testing.assert_close(DSU(probability=1.0, factor=0.0)(x), x)
