"""Our norms beside torch's, on inputs like those of torch's own `module_db`."""

import pytest
import torch
from torch import nn

from medinorm.layers import BatchNorm3d, GroupNorm3d, InstanceNorm3d, LayerNorm3d

AXES = {1: (7,), 2: (6, 5), 3: (4, 3, 5)}
INSTANCE = {1: nn.InstanceNorm1d, 2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}
BATCH = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
GROUP = dict.fromkeys(AXES, nn.GroupNorm)
# Class and arguments of ours, class and arguments of torch's.
PAIRS = {
    "instance": (InstanceNorm3d, (4,), INSTANCE, (4, 1e-5, 0.1, True)),
    "instance, eps": (InstanceNorm3d, (4, 1e-2), INSTANCE, (4, 1e-2, 0.1, True)),
    "instance, no gain": (InstanceNorm3d, (4, 1e-5, None, False), INSTANCE, (4,)),
    "batch": (BatchNorm3d, (4,), BATCH, (4,)),
    "batch, momentum": (BatchNorm3d, (4, 1e-3, 0.3), BATCH, (4, 1e-3, 0.3)),
    "batch, average": (BatchNorm3d, (4, 1e-3, None), BATCH, (4, 1e-3, None)),
    "batch, no gain": (
        BatchNorm3d,
        (4, 1e-3, 0.3, False),
        BATCH,
        (4, 1e-3, 0.3, False),
    ),
    "batch, no statistics": (
        BatchNorm3d,
        (4, 1e-3, 0.1, True, False),
        BATCH,
        (4, 1e-3, 0.1, True, False),
    ),
    "group": (GroupNorm3d, (4, 2), GROUP, (2, 4)),
    "layer": (LayerNorm3d, (4,), GROUP, (1, 4)),
    "layer, no gain": (LayerNorm3d, (4, 1e-3, False), GROUP, (1, 4, 1e-3, False)),
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("dims", AXES)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_outputs_gradients_and_statistics_agree(name, dims, training, dtype):
    torch.manual_seed(0)
    ours_of, our_arguments, theirs_of, their_arguments = PAIRS[name]
    ours = ours_of(*our_arguments, dtype=dtype)
    theirs = theirs_of[dims](*their_arguments, dtype=dtype)
    for module in (ours, theirs):
        torch.manual_seed(1)
        for parameter in module.parameters():
            parameter.data.add_(torch.rand(parameter.shape, dtype=dtype))
    x = torch.randn(3, 4, *AXES[dims], dtype=dtype) * 2 + 1
    for module in (ours, theirs):
        module.train()
        module(x + 1)  # statistics that evaluation reads
        module.train(training)
    results = []
    for module in (ours, theirs):
        inputs = x.clone().requires_grad_()
        y = module(inputs)
        y.pow(3).sum().backward()
        results.append([y, inputs.grad, *(p.grad for p in module.parameters())])
    for mine, wanted in zip(*results, strict=True):
        torch.testing.assert_close(mine, wanted, rtol=1e-3, atol=1e-3)
    for key, value in ours.state_dict().items():
        torch.testing.assert_close(value, theirs.state_dict()[key])


def test_a_volume_without_batch_axis():
    x = torch.randn(4, 4, 3, 5)
    ours = InstanceNorm3d(4, affine=False, spatial_dims=3)
    torch.testing.assert_close(ours(x), nn.InstanceNorm3d(4)(x))
