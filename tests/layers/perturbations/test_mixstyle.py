import torch

from medinorm.layers import MixStyle, moments


class _Fixed(MixStyle):
    """With a known partner and weight."""

    def others(self, x):
        return torch.arange(x.shape[0]).roll(1)


def test_statistics_lie_between_those_of_two_samples(layout, monkeypatch):
    x = layout(torch.randn(3, 2, 4, 5) * torch.tensor([1.0, 4, 9]).view(3, 1, 1, 1))
    layer = _Fixed(probability=1.0, unbiased=False)
    share = torch.tensor([0.25, 0.5, 1.0])
    monkeypatch.setattr(layer.draws, "beta", lambda *_: share)
    y, own = moments(layer(x)), moments(x)
    weight = share[:, None].double()
    mean = weight * own.mean + (1 - weight) * own.mean.roll(1, 0)
    std = weight * own.std(0.0) + (1 - weight) * own.std(0.0).roll(1, 0)
    torch.testing.assert_close(y.mean, mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(y.std(0.0), std, rtol=1e-4, atol=1e-5)


def test_no_gradient_flows_through_the_statistics():
    x = torch.randn(2, 1, 6, requires_grad=True)
    layer = _Fixed(probability=1.0, seed=0)
    y = layer(x)
    y.sum().backward()
    # Affine with constant gain: the same gradient for every voxel of a channel.
    torch.testing.assert_close(x.grad, x.grad[..., :1].expand_as(x))
