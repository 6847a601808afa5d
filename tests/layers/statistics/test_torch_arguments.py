"""Every norm takes what torch's norms take, and says what it cannot use."""

import pytest
import torch
from torch import nn
from torch.nn.utils import skip_init

from medinorm.layers import NORMS, BatchNorm3d, InstanceNorm3d
from medinorm.layers.norms.layer import LayerNorm3d

REAL = sorted(set(NORMS) - {"none"})
LEARNED_OFFSETS = {"adaptive_instance", "domain_specific", "spatially_adaptive"}
every_norm = pytest.mark.parametrize("name", REAL)


@every_norm
def test_device_and_type_are_those_asked_for(name):
    layer = NORMS[name](4, device="meta", dtype=torch.float64)
    tensors = [*layer.parameters(), *layer.buffers()]
    assert all(t.device.type == "meta" for t in tensors)
    assert all(t.dtype == torch.float64 for t in tensors if t.is_floating_point())
    with pytest.raises((ValueError, TypeError), match="floating point"):
        NORMS[name](4, dtype=torch.int32)


@every_norm
def test_initialization_can_be_skipped(name):
    layer = skip_init(NORMS[name], 4)
    assert type(layer) is NORMS[name]
    assert all(p.device.type == "cpu" for p in layer.parameters())


@every_norm
def test_an_offset_can_be_left_out(name):
    if name in LEARNED_OFFSETS:
        with pytest.raises(ValueError, match="leave out bias"):
            NORMS[name](4, bias=False)
    else:
        layer = NORMS[name](4, bias=False)
        assert layer.weight is not None
        assert layer.bias is None


@pytest.mark.parametrize("name", sorted(set(REAL) - LEARNED_OFFSETS))
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_norm_without_offset_is_one_with_offset_0(name, layout, dtype):
    if name in {"masked_instance", "self_attentive_instance"}:
        pytest.skip("tested with a network around it")
    x = layout(torch.randn(2, 4, 3, 5, 4)).to(dtype)
    torch.manual_seed(0)
    full = NORMS[name](4)
    torch.manual_seed(0)
    without = NORMS[name](4, bias=False)
    for layer in (full, without):
        nn.init.constant_(layer.weight, 2.0)
    outputs = []
    for layer in (full, without):
        torch.manual_seed(1)
        outputs.append(layer(x))
    torch.testing.assert_close(outputs[0], outputs[1])


@every_norm
def test_what_means_nothing_is_refused_with_what_to_do(name):
    kind = NORMS[name]
    if name == "batch":
        assert kind(4, track_running_stats=False).running_mean is None
        return
    wrong = not kind.has_running_statistics
    with pytest.raises(ValueError, match="leave out track_running_stats, or use"):
        kind(4, track_running_stats=wrong)
    if wrong:
        with pytest.raises(ValueError, match="leave out momentum, or use BatchNorm3d"):
            kind(4, momentum=0.1)


def test_arguments_by_place_are_those_of_torch():
    for ours, theirs in ((InstanceNorm3d, nn.InstanceNorm3d),):
        arguments = (4, 1e-3, None, True, False, "cpu", torch.float64)
        assert ours(*arguments).eps == theirs(*arguments).eps == 1e-3
        assert ours(*arguments).weight.dtype == theirs(*arguments).weight.dtype
    arguments = (4, 1e-3, 0.2, False, True, "cpu", torch.float64)
    for kind in (BatchNorm3d, nn.BatchNorm3d):
        layer = kind(*arguments)
        assert (layer.eps, layer.momentum, layer.weight) == (1e-3, 0.2, None)
        assert layer.running_mean.dtype == torch.float64
    assert LayerNorm3d(4, 1e-3, False).weight is None
