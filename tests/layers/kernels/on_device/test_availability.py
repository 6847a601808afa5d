"""Which tensors the kernels take where Triton works."""

import logging
import warnings

import pytest
import torch
import torch.nn.functional as F

from medinorm.layers import InstanceNorm3d, kernels
from medinorm.layers.kernels import availability


@pytest.fixture(autouse=True)
def _forget_devices():
    availability._device_works.cache_clear()
    yield
    availability._device_works.cache_clear()


@pytest.mark.parametrize("dtype", availability.DTYPES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 4, 5), (2, 3, 4, 5, 6)])
def test_taken(shape, dtype):
    assert kernels.available(torch.zeros(shape, dtype=dtype))


@pytest.mark.parametrize("dtype", [torch.float64, torch.int32, torch.complex64])
def test_other_dtypes_are_refused(dtype):
    assert not kernels.available(torch.zeros(1, 1, 2, dtype=dtype))


@pytest.mark.parametrize(
    "shape", [(1, 2), (1, 1, 1, 1, 1, 2), (0, 1, 2), (1, 65536, 1)]
)
def test_other_shapes_are_refused(shape):
    assert not kernels.available(torch.zeros(shape))


def test_other_devices_are_refused():
    assert not kernels.available(torch.zeros(1, 1, 2, device="meta"))


def norm(x):
    return (
        kernels.fused_instance_norm(x) if kernels.available(x) else F.instance_norm(x)
    )


def test_compilers_and_exporters_see_operations_of_torch():
    x, other = torch.randn(2, 1, 2, 3, 4)
    wanted = F.instance_norm(other)
    compiled = torch.compile(norm, backend="eager", fullgraph=True)
    compiled(x)
    torch.testing.assert_close(compiled(other), wanted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch deprecates tracing, people still do it
        traced = torch.jit.trace(norm, (x,))
    torch.testing.assert_close(traced(other), wanted)


def test_a_device_on_which_triton_fails_is_tried_once(monkeypatch, caplog):
    tries = []

    def fail(x, **_options):
        tries.append(x)
        raise RuntimeError("no C compiler at /home/someone")

    monkeypatch.setattr(availability, "fused_instance_norm", fail)
    with caplog.at_level(logging.WARNING):
        assert not kernels.available(torch.zeros(1, 1, 2))
        assert not kernels.available(torch.zeros(1, 1, 2))
    assert len(tries) == 1
    assert "RuntimeError" in caplog.text
    assert "someone" not in caplog.text


def test_a_device_on_which_results_are_wrong_is_left_to_torch(monkeypatch, caplog):
    def wrong(x, **options):
        return 1.01 * kernels.fused_instance_norm(x, **options)

    monkeypatch.setattr(availability, "fused_instance_norm", wrong)
    with caplog.at_level(logging.WARNING):
        assert not kernels.available(torch.zeros(1, 1, 2))
    assert "torch's norms run" in caplog.text


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_device_is_tried_whatever_the_mode(mode):
    with mode():
        assert kernels.available(torch.zeros(1, 1, 2))


def test_the_layer_takes_the_kernel(monkeypatch):
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        return availability.fused_instance_norm(*arguments)

    monkeypatch.setattr(kernels, "fused_instance_norm", counted)
    monkeypatch.setitem(availability._SWITCH, "on", True)
    layer = InstanceNorm3d(3, activation="leaky_relu")
    x = torch.randn(2, 3, 4, 5, 6).requires_grad_()
    y = layer(x)
    wanted = F.leaky_relu(F.instance_norm(x.detach()), 0.01)
    torch.testing.assert_close(y, wanted, rtol=1e-5, atol=1e-5)
    y.sum().backward()
    assert len(calls) == 1
    assert layer.weight.grad.shape == (3,)
    with pytest.raises(ValueError, match="more than one value"):
        layer(torch.zeros(1, 3, 1, 1, 1))
