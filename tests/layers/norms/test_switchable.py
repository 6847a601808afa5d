import pytest
import torch

from medinorm.layers import BatchNorm3d, InstanceNorm3d, LayerNorm3d, SwitchableNorm3d

CONFORMANCE = {
    "one_voxel": True,
    "invariant": False,
}


def _with_logits(means, variances=None):
    norm = SwitchableNorm3d(3)
    with torch.no_grad():
        norm.mean_logits.copy_(torch.tensor(means))
        norm.variance_logits.copy_(torch.tensor(variances or means))
    return norm


@pytest.mark.parametrize(
    ("index", "kind"), [(0, InstanceNorm3d), (1, LayerNorm3d), (2, BatchNorm3d)]
)
def test_one_large_logit_chooses_a_norm(layout, index, kind):
    logits = [-50.0] * 3
    logits[index] = 50.0
    x = layout(torch.randn(2, 3, 4, 5, 6) * 2 + 1)
    torch.testing.assert_close(
        _with_logits(logits)(x), kind(3)(x), rtol=1e-5, atol=1e-5
    )


def test_mixes_means_and_variances_by_their_softmax():
    means, variances = [0.3, -0.2, 0.5], [1.0, 0.0, -1.0]
    x = torch.randn(2, 3, 20, dtype=torch.float64) + 5
    statistics = [
        (x.mean(dims, keepdim=True), x.var(dims, keepdim=True, correction=0))
        for dims in ((2,), (1, 2), (0, 2))
    ]
    of_mean = torch.tensor(means, dtype=torch.float64).softmax(0)
    of_variance = torch.tensor(variances, dtype=torch.float64).softmax(0)
    mean = sum(w * m for w, (m, _) in zip(of_mean, statistics, strict=True))
    variance = sum(w * v for w, (_, v) in zip(of_variance, statistics, strict=True))
    wanted = (x - mean) / (variance + 1e-5).sqrt()
    y = _with_logits(means, variances).double()(x)
    torch.testing.assert_close(y, wanted, rtol=1e-6, atol=1e-6)


def test_running_variance_starts_at_one():
    norm = SwitchableNorm3d(3)
    assert norm.running.running_var.eq(1).all()
    assert norm.running.running_mean.eq(0).all()
