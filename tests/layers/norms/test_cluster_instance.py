import pytest
import torch
from torch.utils.checkpoint import checkpoint

from medinorm.layers import ClusterInstanceNorm3d, InstanceNorm3d

CONFORMANCE = {
    "per_sample": False,
    "invariant": False,
    "smooth": False,
}

EPS = 1e-5


def _naive(x, layer):
    """The formulas of the docstring, one sample and channel at a time."""
    size, channels = x.shape[:2]
    mean, variance = x.flatten(2).mean(2), x.flatten(2).var(2, correction=0)
    z = torch.cat([mean, 0.5 * (variance + EPS).log()], 1).detach()
    outputs = []
    for n in range(size):
        distance = torch.stack(
            [(z[n] - z[j]).square().mean().sqrt() for j in range(size)]
        )
        share = (-distance / layer.temperature).softmax(0)
        gate = layer.to_gate(z[n]).sigmoid()
        rows = []
        for c in range(channels):
            cluster = sum(share[j] * mean[j, c] for j in range(size))
            between = sum(
                share[j] * (variance[j, c] + (mean[j, c] - cluster) ** 2)
                for j in range(size)
            )
            shared = (x[n, c] - cluster) / (between + EPS).sqrt()
            own = (x[n, c] - mean[n, c]) / (variance[n, c] + EPS).sqrt()
            rows.append(gate[c] * shared + (1 - gate[c]) * own)
        outputs.append(torch.stack(rows))
    return torch.stack(outputs)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 100.0])
def test_agrees_with_its_formulas_and_their_gradient(layout, temperature):
    layer = ClusterInstanceNorm3d(3, temperature, affine=False).double()
    torch.nn.init.normal_(layer.to_gate.weight, std=0.3)
    shift = torch.tensor([0.0, 1, 5, 6]).view(4, 1, 1, 1, 1)
    x = layout(torch.randn(4, 3, 3, 4, 2, dtype=torch.float64) * 2 + shift)
    weights, gradients = torch.randn_like(x), []
    for function in (layer, lambda v: _naive(v, layer)):
        leaf = x.clone().requires_grad_()
        y = function(leaf)
        (y * weights).sum().backward()
        gradients.append((y.detach(), leaf.grad))
    torch.testing.assert_close(*(g[0] for g in gradients))
    torch.testing.assert_close(*(g[1] for g in gradients))


@pytest.mark.parametrize("training", [True, False])
def test_a_single_sample_gets_exactly_instance_norm(layout, training):
    x = layout(torch.randn(1, 3, 4, 5, 6) * 4 + 2)
    layer = ClusterInstanceNorm3d(3).train(training)
    assert torch.equal(layer(x), InstanceNorm3d(3)(x))


def test_samples_far_apart_are_clusters_of_their_own():
    x = torch.randn(2, 3, 50)
    x[1] += 1000
    y = ClusterInstanceNorm3d(3, temperature=0.1)(torch.cat([x, x]))
    torch.testing.assert_close(y[:2], InstanceNorm3d(3)(x), rtol=1e-3, atol=1e-3)


def test_small_batches_remember_recent_samples():
    layer = ClusterInstanceNorm3d(3, temperature=1e6, remembered=4)
    samples = torch.randn(6, 3, 40) + torch.arange(6.0).view(6, 1, 1)
    for n in range(6):
        y = layer(samples[n : n + 1])
    assert layer.recent_count == 4
    torch.testing.assert_close(layer.recent_mean, samples.mean(2).flip(0)[:4])
    # At this temperature the cluster is all five: the last one and four before it.
    fresh = ClusterInstanceNorm3d(3, temperature=1e6).eval()
    torch.testing.assert_close(y, fresh(samples.flip(0)[:5])[:1], rtol=1e-4, atol=1e-4)


def test_evaluation_and_larger_batches_do_not_look_back():
    layer = ClusterInstanceNorm3d(3)
    for _ in range(3):
        layer(torch.randn(1, 3, 20))
    x = torch.randn(5, 3, 20)
    fresh = ClusterInstanceNorm3d(3)
    fresh.load_state_dict({**layer.state_dict(), "recent_count": torch.tensor(0)})
    assert torch.equal(layer(x), fresh(x))
    assert layer.recent_count == 3
    single = x[:1]
    assert torch.equal(layer.eval()(single), InstanceNorm3d(3)(single))


def test_a_checkpoint_would_remember_twice():
    layer, x = ClusterInstanceNorm3d(3), torch.randn(2, 3, 20)
    y = checkpoint(layer, x, use_reentrant=False)
    with pytest.raises(ValueError, match="leave it out of activation checkpointing"):
        y.square().mean().backward()
    assert layer.recent_count == 2
    checkpoint(layer, torch.cat([x, x]), use_reentrant=False).sum().backward()


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"remembered": 0}])
def test_impossible_arguments_are_refused(options):
    with pytest.raises(ValueError, match="must be positive"):
        ClusterInstanceNorm3d(3, **options)
