"""Recorded norms are right for volumes of another size, or say that they cannot be.

The cases and conditions of each norm are those of `test_conformance`.
"""

import copy

import pytest
import torch
from torch import fx, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.export import Dim

from medinorm.layers import NORMS, ConditionalNetwork, SelfAttentiveInstanceNorm3d
from tests.layers.test_conformance import build, conditions_of

every_norm = pytest.mark.parametrize("name", NORMS)
REAL = sorted(set(NORMS) - {"none"})
EXAMPLE = (2, 4, 5, 4, 3)
OTHER = (3, 4, 6, 7, 8)
MAPS = {"mask", "regions"}
RAW = {"self_attentive_instance", "batch_instance"}  # a mean of 1000 costs digits


def _network(name):
    return ConditionalNetwork(build(name)).eval()


def _inputs(name, shape):
    x = torch.randn(shape) + 1
    return x, conditions_of(name, x)


def _dynamic(conditions, sizes):
    """Dynamic shapes of a volume and its conditions: batch and spatial axes."""
    volume = dict(zip((0, 2, 3, 4), sizes, strict=True))
    return {
        "x": volume,
        **{word: volume if word in MAPS else {0: sizes[0]} for word in conditions},
    }


@every_norm
@pytest.mark.parametrize("how", ["named", "automatic"])
@torch.no_grad()
def test_exported_with_open_sizes_is_right_at_another_size(name, how):
    network, (x, conditions) = _network(name), _inputs(name, EXAMPLE)
    named = [Dim(word) for word in ("batch", "depth", "height", "width")]
    sizes = named if how == "named" else [Dim.AUTO] * 4
    program = torch.export.export(
        network, (x,), conditions, dynamic_shapes=_dynamic(conditions, sizes)
    )
    z, others = _inputs(name, OTHER)
    torch.testing.assert_close(
        program.module()(z, **others), network(z, **others), rtol=1e-4, atol=1e-5
    )


# The exporter's own: deprecated calls inside.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore:# The axis name")
@every_norm
@torch.no_grad()
def test_onnx_with_open_sizes_runs_at_two_sizes(name, tmp_path):
    pytest.importorskip("onnxscript", reason="ONNX export needs onnxscript")
    runtime = pytest.importorskip("onnxruntime", reason="ONNX models need a runtime")
    network, (x, conditions) = _network(name), _inputs(name, EXAMPLE)
    path = tmp_path / "network.onnx"
    torch.onnx.export(
        network,
        (x,),
        path,
        kwargs=conditions,
        dynamo=True,
        verbose=False,
        dynamic_shapes=_dynamic(conditions, ["batch", "depth", "height", "width"]),
    )
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for shape in (EXAMPLE, OTHER):
        z, others = _inputs(name, shape)
        arrays = [z.numpy(), *(value.numpy() for value in others.values())]
        names = [entry.name for entry in session.get_inputs()]
        (y,) = session.run(None, dict(zip(names, arrays, strict=True)))
        torch.testing.assert_close(
            torch.from_numpy(y), network(z, **others), rtol=1e-4, atol=1e-4
        )


class _ByPlace(nn.Module):
    """A network whose conditions are given by place, as `torch.jit.trace` wants."""

    def __init__(self, network, words):
        super().__init__()
        self.network, self.words = network, tuple(words)

    def forward(self, x, *values):
        return self.network(x, **dict(zip(self.words, values, strict=True)))


# What the tracer says when a number is taken from a size.
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@every_norm
@pytest.mark.parametrize("last", [False, True])
@torch.no_grad()
def test_traced_is_right_at_another_size(name, last):
    layout = torch.channels_last_3d if last else torch.contiguous_format
    network, (x, conditions) = _network(name), _inputs(name, EXAMPLE)
    x = x.contiguous(memory_format=layout)
    traced = torch.jit.trace(
        _ByPlace(network, conditions), (x, *conditions.values()), check_trace=False
    )
    z, others = _inputs(name, OTHER)
    for volume in (z, 1000 + z.contiguous(memory_format=torch.channels_last_3d)):
        torch.testing.assert_close(
            traced(volume, *others.values()),
            network(volume, **others),
            rtol=1e-3,
            atol=1e-2 if name in RAW else 1e-3,
        )


@every_norm
@pytest.mark.parametrize("training", [False, True])
def test_tensors_without_values_get_a_shape(name, training):
    network, (x, conditions) = _network(name).train(training), _inputs(name, EXAMPLE)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        values = {word: mode.from_tensor(value) for word, value in conditions.items()}
        y = network(mode.from_tensor(x), **values)
    assert (y.shape, y.dtype) == (x.shape, x.dtype)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", REAL)
def test_scripting_is_refused_with_the_alternative(name):
    network = nn.Sequential(nn.Conv3d(1, 4, 1), build(name))
    with pytest.raises(RuntimeError, match=r"cannot be scripted.*use torch\.export"):
        torch.jit.script(network)


@pytest.mark.parametrize("name", REAL)
@torch.no_grad()
def test_a_symbolic_trace_calls_the_norm(name):
    network, (x, conditions) = (
        nn.Sequential(nn.ReLU(), build(name)),
        _inputs(name, OTHER),
    )
    graph = fx.symbolic_trace(copy.deepcopy(network).eval())
    assert [node.op for node in graph.graph.nodes].count("call_module") == 2
    torch.testing.assert_close(
        ConditionalNetwork(graph)(x, **conditions),
        ConditionalNetwork(network.eval())(x, **conditions),
    )


def test_open_sizes_with_many_tokens_are_refused():
    layer = SelfAttentiveInstanceNorm3d(4, max_tokens=64).eval()
    shapes = {"x": {2: Dim("depth"), 3: Dim("height"), 4: Dim("width")}}
    with pytest.raises(ValueError, match="max_tokens up to 8"):
        torch.export.export(layer, (torch.randn(EXAMPLE),), dynamic_shapes=shapes)
