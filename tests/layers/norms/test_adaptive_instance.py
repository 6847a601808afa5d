import pytest
import torch
from torch import nn

from medinorm.layers import (
    AdaptiveInstanceNorm3d,
    ConditionalNetwork,
    InstanceNorm3d,
    StyleEncoder,
    match_moments,
    moments,
)

CONFORMANCE = {"options": {"style_dim": 3}}


def _layer(**options):
    layer = AdaptiveInstanceNorm3d(3, style_dim=5, hidden=4, **options)
    with torch.no_grad():
        for parameter in layer.parameters():
            nn.init.normal_(parameter, std=0.5)
    return layer


def test_starts_as_instance_norm(layout):
    x = layout(torch.randn(2, 3, 4, 5, 6))
    network = ConditionalNetwork(AdaptiveInstanceNorm3d(3, style_dim=5))
    y = network(x, style=torch.randn(2, 5))
    torch.testing.assert_close(y, InstanceNorm3d(3)(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("unbiased", [False, True])
def test_mean_and_spread_are_what_the_code_says(layout, unbiased):
    layer = _layer(unbiased=unbiased)
    x, code = layout(torch.randn(2, 3, 2, 2, 2) * 3 + 1), torch.randn(2, 5)
    y = ConditionalNetwork(layer)(x, style=code)
    gain, bias = layer.to_affine(code).chunk(2, dim=1)
    measured = moments(y)
    std = measured.std(0.0, unbiased=unbiased).float()
    torch.testing.assert_close(measured.mean.float(), bias, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(std, (1 + gain).abs(), rtol=1e-4, atol=1e-5)


def test_codes_of_k_shots_are_averaged_first():
    network, x = ConditionalNetwork(_layer()), torch.randn(2, 3, 9)
    codes = torch.randn(2, 4, 5)
    torch.testing.assert_close(network(x, style=codes), network(x, style=codes.mean(1)))


def test_k_copies_of_a_scan_are_one_shot():
    encoder = StyleEncoder(style_dim=5)
    network = ConditionalNetwork(_layer(), style_encoder=encoder)
    x, scan = torch.randn(2, 3, 4, 4, 4), torch.randn(2, 1, 1, 8, 8, 8)
    one = network(x, style=scan)
    copies = network(x, style=scan.expand(2, 3, 1, 8, 8, 8))
    torch.testing.assert_close(copies, one, rtol=1e-5, atol=1e-5)


def test_one_code_serves_all_samples():
    network, x, code = (
        ConditionalNetwork(_layer()),
        torch.randn(3, 3, 9),
        torch.randn(1, 5),
    )
    y = network(x, style=code)
    torch.testing.assert_close(y, network(x, style=code.expand(3, 5)))


def test_the_encoder_is_trained_with_the_network():
    encoder = StyleEncoder(style_dim=5)
    network = ConditionalNetwork(_layer(), style_encoder=encoder)
    network(torch.randn(1, 3, 4, 4, 4), style=torch.randn(1, 2, 1, 8, 8, 8))[
        0, 0, 0
    ].sum().backward()
    assert all(p.grad is not None for p in encoder.parameters())
    assert any(name.startswith("style_encoder") for name in network.state_dict())


@pytest.mark.parametrize("shots", [1, 4])
def test_activations_move_to_the_statistics_of_another_scanner(layout, shots):
    """Adaptive instance norm without anything learned."""
    x = layout(torch.randn(2, 3, 6, 6, 6))
    references = torch.randn(2, shots, 3, 5, 6, 7) * 40 + 300 * torch.rand(
        2, shots, 3, 1, 1, 1
    )
    y = match_moments(x, references, unbiased=False, eps=0.0)
    whole = references.transpose(1, 2).flatten(2)
    torch.testing.assert_close(y.mean((2, 3, 4)), whole.mean(2), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(
        y.std((2, 3, 4), correction=0), whole.std(2, correction=0), rtol=1e-4, atol=1e-3
    )


def test_alpha_blends_between_the_two():
    x, references = torch.randn(1, 2, 30), torch.randn(1, 2, 30) * 5 + 9
    full = match_moments(x, references)
    torch.testing.assert_close(match_moments(x, references, alpha=0.0), x)
    half = match_moments(x, references, alpha=0.5)
    torch.testing.assert_close(half, (x + full) / 2, rtol=1e-4, atol=1e-5)


def test_trained_on_scanners_it_follows_the_style_of_a_new_one():
    """From codes of its scans, activations get the gain and offset of the scanner."""
    network = ConditionalNetwork(
        AdaptiveInstanceNorm3d(1, style_dim=8, hidden=16),
        style_encoder=StyleEncoder(style_dim=8, channels=(8, 8)),
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-2)

    def scanner(count):
        gain, offset = torch.rand(2, count, 1, 1, 1, 1) * 2 + 0.5
        anatomy, other = torch.randn(2, count, 1, 6, 6, 6)
        return other, gain * anatomy + offset, (gain, offset)

    for _ in range(200):
        x, scans, (gain, offset) = scanner(16)
        y = network(x, style=scans[:, None])
        wanted = InstanceNorm3d(1)(x) * gain + offset
        loss = (y - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        x, scans, (gain, offset) = scanner(64)
        y = network(x, style=scans[:, None])
    without_style = (InstanceNorm3d(1)(x).mean() - offset).abs().mean()
    assert (
        y.mean((2, 3, 4)) - offset.squeeze()[:, None]
    ).abs().mean() < 0.2 * without_style
    deviation = y.std((2, 3, 4), correction=0).squeeze()
    assert torch.corrcoef(torch.stack([deviation, gain.squeeze()]))[0, 1] > 0.7
