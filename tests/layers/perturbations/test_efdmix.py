import torch

from medinorm.layers import EFDMix


class _Swapped(EFDMix):
    """With the other sample as partner."""

    def others(self, x):
        return torch.arange(x.shape[0]).roll(1)


def test_sorted_values_are_interpolated(layout, monkeypatch):
    x = layout(torch.randn(2, 3, 4, 5))
    layer = _Swapped(probability=1.0)
    share = torch.tensor([0.25, 0.5])
    monkeypatch.setattr(layer.draws, "beta", lambda *_: share)
    y = layer(x).flatten(2).sort(dim=2).values
    ordered = x.flatten(2).sort(dim=2).values
    wanted = torch.lerp(ordered.roll(1, 0), ordered, share[:, None, None])
    torch.testing.assert_close(y, wanted)


def test_the_gradient_passes_straight_through():
    x = torch.randn(2, 3, 7, requires_grad=True)
    weights = torch.randn_like(x)
    (_Swapped(probability=1.0)(x) * weights).sum().backward()
    torch.testing.assert_close(x.grad, weights)
