import pytest
import torch

from medinorm.layers import BatchInstanceNorm3d, BatchNorm3d, InstanceNorm3d

CONFORMANCE = {
    "invariant": False,
}


def _with_gate(value):
    norm = BatchInstanceNorm3d(3)
    with torch.no_grad():
        norm.rho.fill_(value)
    return norm


@pytest.mark.parametrize("gate", [0.0, 0.3, 1.0])
def test_is_a_blend_of_batch_and_instance_norm(layout, gate):
    x = layout(torch.randn(2, 3, 4, 5, 6) * 2 + 1)
    wanted = gate * BatchNorm3d(3)(x) + (1 - gate) * InstanceNorm3d(3)(x)
    torch.testing.assert_close(_with_gate(gate)(x), wanted, rtol=1e-5, atol=1e-5)


def test_starts_as_batch_norm():
    x = torch.randn(2, 3, 8)
    torch.testing.assert_close(BatchInstanceNorm3d(3)(x), BatchNorm3d(3)(x))


def test_evaluation_uses_running_statistics(layout):
    norm, batch = _with_gate(1.0), BatchNorm3d(3)
    for _ in range(2):
        x = layout(torch.randn(2, 3, 5, 5, 5) + 2)
        norm(x), batch(x)
    torch.testing.assert_close(norm.eval()(x), batch.eval()(x))


@pytest.mark.parametrize(("start", "wanted"), [(1.5, 1.0), (-0.5, 0.0)])
def test_a_gate_beyond_its_ends_counts_as_the_end(start, wanted):
    x = torch.randn(2, 3, 8)
    torch.testing.assert_close(_with_gate(start)(x), _with_gate(wanted)(x))


@pytest.mark.parametrize(("start", "pull"), [(1.2, 1.0), (-0.2, -1.0)])
def test_a_gate_beyond_its_ends_can_come_back(start, pull):
    norm = _with_gate(start)
    x, instance = torch.randn(2, 3, 8), InstanceNorm3d(3)
    target = instance(x) if pull > 0 else BatchNorm3d(3)(x)
    (norm(x) - target).square().sum().backward()
    assert (norm.rho.grad * pull > 0).all()
