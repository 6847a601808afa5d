import pytest
import torch
from torch import nn

from medinorm.layers import StyleEncoder


def test_the_code_of_k_scans_is_the_mean_of_their_codes():
    encoder = StyleEncoder(in_channels=2, style_dim=5)
    scans = torch.randn(2, 3, 2, 8, 9, 7)
    each = torch.stack([encoder(scans[:, k]) for k in range(3)])
    torch.testing.assert_close(encoder(scans), each.mean(0), rtol=1e-4, atol=1e-6)


def test_it_sees_gain_and_offset():
    encoder, scan = StyleEncoder(), torch.rand(1, 1, 12, 12, 12)
    codes = [encoder(scan), encoder(2 * scan), encoder(scan + 1)]
    assert (codes[0] - codes[1]).abs().max() > 1e-3
    assert (codes[0] - codes[2]).abs().max() > 1e-3


def test_there_is_no_norm_inside():
    kinds = {type(module).__name__ for module in StyleEncoder().modules()}
    assert kinds == {"StyleEncoder", "ModuleList", "Conv3d", "Linear"}
    assert not list(StyleEncoder().buffers())


@pytest.mark.parametrize("dims", [1, 2])
def test_other_axes(dims):
    encoder = StyleEncoder(spatial_dims=dims)
    assert encoder(torch.randn(2, 1, *[9] * dims)).shape == (2, 64)
    with pytest.raises(ValueError, match="spatial axes"):
        encoder(torch.randn(*[1] * (dims + 4)))


def test_it_learns_to_tell_scanners():
    encoder, read_out = StyleEncoder(style_dim=4, channels=(8, 8)), nn.Linear(4, 2)
    parameters = [*encoder.parameters(), *read_out.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=3e-2)
    for _ in range(300):
        scanner = torch.rand(16, 2) * 2
        gain, offset = (t.view(-1, 1, 1, 1, 1) for t in scanner.T)
        scans = gain * torch.randn(16, 1, 6, 6, 6) + offset
        loss = (read_out(encoder(scans)) - scanner).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1  # guessing the mean would leave 1/3
