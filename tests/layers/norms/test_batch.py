import pytest
import torch
from torch import nn

from medinorm.layers import BatchNorm3d

CONFORMANCE = {
    "invariant": False,
}


@pytest.mark.parametrize("momentum", [0.1, 0.3, None])
def test_training_and_evaluation_agree_with_torch(layout, momentum):
    reference, norm = (
        nn.BatchNorm3d(5, momentum=momentum),
        BatchNorm3d(5, momentum=momentum),
    )
    nn.init.normal_(reference.weight)
    norm.load_state_dict(reference.state_dict())
    for _ in range(3):
        x = torch.randn(2, 5, 4, 5, 6) * 3 + 2
        torch.testing.assert_close(norm(layout(x)), reference(x), rtol=1e-5, atol=1e-5)
    for name, value in reference.state_dict().items():
        torch.testing.assert_close(norm.state_dict()[name], value)
    norm.eval(), reference.eval()
    torch.testing.assert_close(norm(layout(x)), reference(x), rtol=1e-5, atol=1e-5)


def test_the_gradient_agrees_with_torch(layout):
    x = torch.randn(3, 4, 5, 5, 5, dtype=torch.float64)
    ours = layout(x.clone()).requires_grad_()
    theirs = x.clone().requires_grad_()
    weights = torch.randn_like(x)
    for norm, inputs in ((BatchNorm3d(4), ours), (nn.BatchNorm3d(4), theirs)):
        (norm.double()(inputs) * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_without_running_statistics_evaluation_uses_the_batch():
    norm = BatchNorm3d(2, track_running_stats=False).eval()
    assert norm(torch.rand(2, 2, 4, 4, 4)).mean().abs() < 1e-5


def test_sync_batch_norm_takes_it_for_one_of_torchs():
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(BatchNorm3d(2)))
    assert isinstance(converted[0], nn.SyncBatchNorm)


def test_one_value_is_refused_in_training_only():
    norm = BatchNorm3d(2)
    with pytest.raises(ValueError, match="more than one value"):
        norm(torch.zeros(1, 2, 1, 1, 1))
    assert norm.num_batches_tracked == 0
    assert norm.eval()(torch.zeros(1, 2, 1, 1, 1)).shape == (1, 2, 1, 1, 1)


def test_channels_are_checked():
    with pytest.raises(ValueError, match="positive"):
        BatchNorm3d(0)


def test_large_offsets_do_not_cost_digits(layout):
    x = layout(torch.randn(1, 4, 24, 24, 24) + 1e3)
    wanted = nn.BatchNorm3d(4).double()(x.double())
    assert (BatchNorm3d(4)(x) - wanted).abs().max() < 1e-4
