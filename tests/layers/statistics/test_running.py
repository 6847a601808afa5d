import torch
from torch import nn

from medinorm.layers import moments
from medinorm.layers.statistics.running import RunningMoments


def test_follows_batches_as_torch_does():
    for momentum in (0.1, None):
        running, norm = (
            RunningMoments(3, momentum),
            nn.BatchNorm1d(3, momentum=momentum),
        )
        for _ in range(3):
            x = torch.randn(2, 3, 9) * 2 + 4
            running(moments(x)), norm(x)
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            torch.testing.assert_close(getattr(running, name), getattr(norm, name))


def test_evaluation_neither_uses_nor_changes_the_batch():
    running = RunningMoments(3).eval()
    used = running(moments(torch.randn(2, 3, 9)))
    assert used.mean.eq(0).all()
    assert used.variance.eq(1).all()
    assert running.num_batches_tracked == 0


def test_forgets_on_request():
    running = RunningMoments(3)
    running(moments(torch.randn(2, 3, 9)))
    running.reset_running_stats()
    fresh = RunningMoments(3).state_dict()
    assert all(torch.equal(running.state_dict()[k], v) for k, v in fresh.items())
