import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from medinorm.layers import (
    ConditionalNetwork,
    InstanceNorm3d,
    SelfAttentiveInstanceNorm3d,
)

CONFORMANCE = {
    "options": {"max_tokens": 8},
    "invariant": False,
}


def _naive(x, style, layer):
    """The formulas of the docstring with every voxel of the style as a token."""
    instance_norm = InstanceNorm3d(3, affine=False)
    content = instance_norm(x).flatten(2).mT
    keys = layer.to_key(instance_norm(style).flatten(2).mT)
    values = layer.to_value(style.flatten(2).mT)
    scores = layer.to_query(content) @ keys.mT
    attended = torch.softmax(scores, dim=-1) @ values
    gain, offset = F.relu(layer.to_affine(attended)).chunk(2, dim=-1)
    y = (content * layer.weight + layer.bias) * gain + offset
    return y.mT.reshape(x.shape)


def _layer():
    layer = SelfAttentiveInstanceNorm3d(3, max_tokens=64)
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.7)
    return layer


@pytest.mark.parametrize("shape", [(20,), (5, 7), (4, 3, 4)])
def test_attends_to_itself_without_references(layout, shape):
    layer, x = _layer(), layout(torch.randn(2, 3, *shape))
    torch.testing.assert_close(layer(x), _naive(x, x, layer), rtol=1e-4, atol=1e-5)


def test_attends_to_reference_scans(layout):
    layer, x = _layer(), layout(torch.randn(2, 3, 4, 3, 4))
    references = torch.randn(2, 1, 3, 3, 4, 4) * 2 + 1
    y = ConditionalNetwork(layer)(x, style=references)
    wanted = _naive(x, references[:, 0], layer)
    torch.testing.assert_close(y, wanted, rtol=1e-4, atol=1e-5)
    shared = ConditionalNetwork(layer)(x, style=references[:1])
    torch.testing.assert_close(
        shared, _naive(x, references[:1, 0], layer), rtol=1e-4, atol=1e-5
    )


def test_k_copies_of_a_reference_are_one():
    network, x = ConditionalNetwork(_layer()), torch.randn(2, 3, 4, 4, 4)
    one = torch.randn(2, 1, 3, 4, 4, 4)
    many = network(x, style=one.expand(2, 3, 3, 4, 4, 4))
    torch.testing.assert_close(many, network(x, style=one), rtol=1e-4, atol=1e-5)


def test_deeper_layers_see_the_features_of_the_references():
    network = nn.Sequential(_layer(), nn.Conv3d(3, 3, 3, padding=1), _layer())
    x, references = torch.randn(1, 3, 4, 4, 4), torch.randn(1, 2, 3, 4, 4, 4)
    y = ConditionalNetwork(network)(x, style=references)
    # The references pass through the first layer as they are, then meet the second.
    inner = network[1](network[0](references[0]))
    first = ConditionalNetwork(network[0])(x, style=references)
    middle = network[1](first)
    second = ConditionalNetwork(network[2])(middle, style=inner[None])
    torch.testing.assert_close(y, second, rtol=1e-4, atol=1e-5)


def test_gradients_reach_every_parameter_through_the_references():
    layer = _layer()
    network = ConditionalNetwork(layer)
    network(
        torch.randn(1, 3, 4, 4, 4), style=torch.randn(1, 2, 3, 4, 4, 4)
    ).square().sum().backward()
    assert all(
        p.grad is not None and p.grad.abs().sum() > 0 for p in layer.parameters()
    )


def test_tokens_stay_few():
    layer = SelfAttentiveInstanceNorm3d(3, max_tokens=30)
    for shape, tokens in (((50,), 25), ((9, 9), 25), ((9, 2, 9), 18)):
        x = torch.randn(2, 3, *shape)
        assert layer._tokens(x, x).shape == (2, tokens, 6)


def test_at_least_one_token_is_needed():
    with pytest.raises(ValueError, match="max_tokens must be positive"):
        SelfAttentiveInstanceNorm3d(3, max_tokens=0)


class _Checkpointed(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.block = block

    def forward(self, x, **options):
        return checkpoint(self.block, x, use_reentrant=False, **options)


def _gradient(network, x, **options):
    network.zero_grad()
    network(x, **options).square().mean().backward()
    return torch.cat([p.grad.flatten() for p in network.parameters()])


def test_a_checkpoint_inside_the_wrapper_is_refused_if_references_are_lost():
    layer, x = _layer(), torch.randn(2, 3, 4, 4, 4)
    inside, around = (
        ConditionalNetwork(_Checkpointed(layer)),
        _Checkpointed(ConditionalNetwork(layer)),
    )
    wanted = _gradient(ConditionalNetwork(layer), x)
    torch.testing.assert_close(_gradient(inside, x), wanted)
    style = torch.randn(2, 1, 3, 4, 4, 4) * 3 + 2
    wanted = _gradient(ConditionalNetwork(layer), x, style=style)
    torch.testing.assert_close(_gradient(around, x, style=style), wanted)
    with pytest.raises(ValueError, match="checkpoint the whole ConditionalNetwork"):
        _gradient(inside, x, style=style)
