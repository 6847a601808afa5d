"""What every norm must hold, whatever it computes.

Where a norm promises something unusual, its own test file says so in `CONFORMANCE`,
the arguments of `Case`.
"""

import ast
import copy
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.data import MetaTensor, list_data_collate
from monai.networks import nets
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from medinorm.layers import NORMS, ConditionalNetwork, monai_norm, register_norms
from medinorm.layers.registry import DECLARATIONS
from medinorm.layers.statistics import pooled

Conditions = Callable[[Tensor], dict[str, Tensor]]


@dataclass(frozen=True)
class Case:
    """What one norm needs and promises.

    Args:
        options: arguments that keep the test small.
        per_sample: in evaluation a sample does not depend on its batch.
        invariant: gain and offset of a sample vanish.
        one_voxel: takes one voxel per channel in training.
        offset_error: error at mean 1000, std 1 relative to float64.
        smooth: the gradient is that of the function (nothing is detached on purpose).
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    per_sample: bool = True
    invariant: bool = True
    one_voxel: bool = False
    offset_error: float = 2e-5
    smooth: bool = True


def _mask(x: Tensor) -> dict[str, Tensor]:
    mask = torch.ones(x.shape[0], 1, *x.shape[2:])
    if x.shape[-1] > 3:
        mask[..., -1] = 0
    return {"mask": mask}


def _domain(x: Tensor) -> dict[str, Tensor]:
    return {"domain": torch.arange(x.shape[0]) % 2}


def _style(x: Tensor) -> dict[str, Tensor]:
    return {"style": torch.linspace(-1, 1, x.shape[0] * 3).view(-1, 3).to(x.dtype)}


def _regions(x: Tensor) -> dict[str, Tensor]:
    labels = torch.arange(x[:, :1].numel()).view_as(x[:, :1])
    return {"regions": labels % 3}


CONDITIONS: Mapping[str, Conditions] = {
    "mask": _mask,
    "domain": _domain,
    "style": _style,
    "regions": _regions,
}


def _read_case(name: str) -> Case:
    """The case of a norm, from its own test file; what is not said there is usual."""
    module = NORMS[name].__module__.rpartition(".")[2]
    file = Path(__file__).parent / "norms" / f"test_{module}.py"
    said: dict[str, Any] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if (
            isinstance(node, ast.Assign)
            and ast.unparse(node.targets[0]) == "CONFORMANCE"
        ):
            said = ast.literal_eval(node.value)
    return Case(**said)


CASES = {name: _read_case(name) for name in NORMS}


def conditions_of(name: str, x: Tensor) -> dict[str, Tensor]:
    """What a norm needs, for an input."""
    needed: dict[str, Tensor] = {}
    for condition in DECLARATIONS[name].needs:
        needed |= CONDITIONS[condition](x)
    return needed


def build(name: str, channels: int = 4) -> nn.Module:
    """A norm with parameters that are not those it starts with."""
    layer = NORMS[name](channels, **CASES[name].options)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape))
        if name == "batch_instance":
            layer.rho.uniform_(0.1, 0.9)  # a gate is between 0 and 1
    return layer


def call(layer: nn.Module, x: Tensor, name: str) -> Tensor:
    """The output of a norm, or of a network with it, under its conditions."""
    return ConditionalNetwork(layer)(x, **conditions_of(name, x))


def _those(promise: Callable[[Case], bool]) -> pytest.MarkDecorator:
    """The norms that promise something."""
    return pytest.mark.parametrize("name", [n for n in CASES if promise(CASES[n])])


every_norm = pytest.mark.parametrize("name", NORMS)
every_real_norm = pytest.mark.parametrize("name", sorted(set(NORMS) - {"none"}))
both_modes = pytest.mark.parametrize("training", [True, False])


def test_cases_are_read():
    assert CASES["group"].options == {"num_groups": 2}
    assert CASES["instance"] == Case()


@every_norm
@both_modes
@pytest.mark.parametrize("shape", [(40,), (6, 5), (4, 3, 5)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_layout_does_not_matter_and_is_kept(name, training, shape, dtype):
    x = (torch.randn(2, 4, *shape) + 1).to(dtype)
    last = x.movedim(1, -1).contiguous().movedim(-1, 1)
    layer = build(name).train(training)
    outputs = []
    for inputs in (x, last):
        torch.manual_seed(1)
        y = call(copy.deepcopy(layer), inputs, name)
        assert y.dtype == dtype
        assert y.stride() == inputs.stride()
        outputs.append(y)
    tolerance = 2e-5 if dtype == torch.float32 else 4e-2
    torch.testing.assert_close(*outputs, rtol=tolerance, atol=tolerance)


@_those(lambda case: case.smooth)
@both_modes
def test_gradients(name, training, layout):
    layer = build(name).double().train(training)
    parameters = [p for p in layer.parameters() if p.numel() <= 64]
    x = layout(torch.randn(2, 4, 3, 4, dtype=torch.float64)).requires_grad_()

    def run(x, *_):
        torch.manual_seed(1)
        return call(layer, x, name)

    # Random directions: the full Jacobian would take minutes for some.
    assert gradcheck(run, (x, *parameters), fast_mode=True)


@_those(lambda case: case.smooth)
def test_gradients_of_gradients(name, layout, monkeypatch):
    monkeypatch.setattr(pooled, "SMALL", 0)  # our own code in channels_last
    layer = build(name).double()
    x = layout(torch.randn(2, 4, 3, 4, dtype=torch.float64)).requires_grad_()

    def run(x):
        torch.manual_seed(1)
        return call(layer, x, name)

    assert gradgradcheck(run, (x,), fast_mode=True)


# torch's own, for forward derivatives.
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
@_those(lambda case: case.smooth)
def test_functions_of_torch_func(name, layout, monkeypatch):
    monkeypatch.setattr(pooled, "SMALL", 0)
    layer = build(name).double().eval()
    x = layout(torch.randn(2, 4, 3, 4, dtype=torch.float64))

    def run(x):
        return call(layer, x, name).pow(3).sum()

    own = x.clone().requires_grad_()
    run(own).backward()
    torch.testing.assert_close(torch.func.grad(run)(x), own.grad)
    direction = torch.randn_like(x)
    _, slope = torch.func.jvp(run, (x,), (direction,))
    torch.testing.assert_close(slope, (own.grad * direction).sum())


@every_norm
@both_modes
@pytest.mark.parametrize("mean", [0.0, 1e3, 3e4])
@pytest.mark.parametrize("std", [1e-2, 1.0, 1e2])
def test_offsets_do_not_cost_digits(name, training, layout, mean, std):
    x = layout(torch.randn(2, 4, 12, 11, 10) * std + mean)
    layer = build(name).train(training)
    results = []
    for inputs, norm in ((x, layer), (x.double(), copy.deepcopy(layer).double())):
        torch.manual_seed(1)
        results.append(call(norm, inputs, name).double())
    error = (results[0] - results[1]).abs().max() / results[1].abs().mean().clamp(min=1)
    # The mean in float32 is off by up to |mean| * 2^-24, a part of the spread.
    assert error < CASES[name].offset_error * max(1.0, mean / std / 1e3)


@_those(lambda case: case.per_sample)
def test_a_sample_does_not_depend_on_its_batch(name):
    layer = build(name).eval()
    x = torch.randn(3, 4, 5, 6, 5)
    conditions = conditions_of(name, x)
    network = ConditionalNetwork(layer)
    whole = network(x, **conditions)
    for n in range(3):
        own = {word: value[n : n + 1] for word, value in conditions.items()}
        torch.testing.assert_close(network(x[n : n + 1], **own), whole[n : n + 1])


@_those(lambda case: case.invariant)
@pytest.mark.parametrize(("gain", "offset"), [(0.3, 0.0), (40.0, -300.0), (7.0, 1e3)])
def test_scanner_gain_and_offset_vanish(name, layout, gain, offset):
    layer = build(name).double().eval()
    x = layout(torch.randn(2, 4, 6, 6, 6, dtype=torch.float64))
    torch.testing.assert_close(
        call(layer, gain * x + offset, name), call(layer, x, name), rtol=0, atol=2e-3
    )


@every_norm
def test_one_voxel_is_taken_or_refused(name):
    x = torch.randn(1, 4, 1, 1, 1)
    if CASES[name].one_voxel:
        assert torch.isfinite(call(build(name), x, name)).all()
    else:
        with pytest.raises(ValueError, match=r"more than one value"):
            call(build(name), x, name)


@every_norm
@both_modes
def test_an_empty_batch_stays_empty_and_is_not_remembered(name, training):
    layer = build(name).train(training)
    before = copy.deepcopy(layer.state_dict())
    x = torch.zeros(0, 4, 3, 3, 3, requires_grad=True)
    y = call(layer, x, name)
    assert y.shape == x.shape
    y.sum().backward()
    for key, value in layer.state_dict().items():
        assert torch.equal(value, before[key])


@every_norm
@both_modes
@pytest.mark.parametrize("shape", [(1, 4, 1, 1, 2), (2, 4, 2, 1, 1), (1, 4, 3, 3, 3)])
def test_small_and_constant_inputs_stay_finite(name, training, layout, shape):
    for x in (torch.randn(shape), torch.full(shape, 7.0), torch.zeros(shape)):
        layer = build(name).train(training)
        inputs = layout(x).requires_grad_()
        y = call(layer, inputs, name)
        y.square().sum().backward()
        assert torch.isfinite(y).all()
        assert torch.isfinite(inputs.grad).all()


@every_norm
@both_modes
def test_nan_is_passed_on(name, training, layout):
    x = torch.randn(2, 4, 3, 3, 3)
    x[0, 0, 0, 0, 0] = torch.nan
    y = call(build(name).train(training), layout(x), name)
    assert y[0, 0, 0, 0, 0].isnan()


@every_real_norm
@both_modes
def test_batches_of_monai_stay_what_they_are(name, training, layout):
    scans = [MetaTensor(torch.randn(4, 3, 4, 5), meta={str(n): n}) for n in range(2)]
    scans[1].applied_operations = [{"class": "RandFlip"}]
    x = layout(list_data_collate([{"image": scan} for scan in scans])["image"])
    layer = build(name).train(training)
    outputs = []
    for inputs in (x, x.as_tensor()):
        torch.manual_seed(1)
        outputs.append(call(copy.deepcopy(layer), inputs, name))
    assert outputs[0].meta.keys() == x.meta.keys()
    assert torch.equal(outputs[0].as_tensor(), outputs[1])
    outputs[0].square().mean().backward()


@every_real_norm
def test_wrong_channels_are_refused(name):
    with pytest.raises(ValueError, match="expected 4 channels, got 3"):
        call(build(name), torch.randn(1, 3, 4, 4, 4), name)


@every_real_norm
@pytest.mark.parametrize("dtype", [torch.int16, torch.complex64])
def test_whole_and_complex_numbers_are_refused(name, dtype):
    with pytest.raises(ValueError, match=r"give the layer x\.float\(\)"):
        call(build(name), torch.ones(1, 4, 3, 3, 3, dtype=dtype), name)


@every_norm
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_layer_in_half_precision_is_close_to_one_in_single(name, dtype):
    x = torch.randn(2, 4, 4, 4, 4)
    single = build(name).eval()
    half = copy.deepcopy(single).to(dtype)
    y = call(half, x.to(dtype).requires_grad_(), name)
    y.sum().backward()
    assert y.dtype == dtype
    torch.testing.assert_close(y.float(), call(single, x, name), rtol=0.1, atol=0.1)


@every_real_norm
def test_every_norm_refuses_zero_channels(name):
    with pytest.raises(ValueError, match="num_features must be positive"):
        NORMS[name](0)


def _networks(norm):
    return {
        "UNet": lambda: nets.UNet(3, 1, 2, (4, 8), (2,), norm=norm, num_res_units=1),
        "DynUNet": lambda: nets.DynUNet(
            3, 1, 2, (3, 3, 3), (1, 2, 1), (2, 1), filters=(4, 4, 8), norm_name=norm
        ),
        "SegResNet": lambda: nets.SegResNet(
            3,
            init_filters=4,
            out_channels=2,
            norm=norm,
            blocks_down=(1, 1),
            blocks_up=(1,),
        ),
        "BasicUNet": lambda: nets.BasicUNet(
            3, out_channels=2, features=(4, 4, 4, 4, 4, 4), norm=norm
        ),
    }


@every_norm
@pytest.mark.parametrize("network", ["UNet", "DynUNet", "SegResNet", "BasicUNet"])
def test_monai_networks_train_and_keep_their_state(name, network):
    register_norms()
    make = _networks(monai_norm(name, CASES[name].options))[network]
    first, second = make(), make()
    kind = NORMS[name]
    assert any(isinstance(module, kind) for module in first.modules())
    x = torch.randn(2, 1, *[32 if network == "BasicUNet" else 8] * 3)
    call(first, x, name).square().mean().backward()
    assert all(
        p.grad is None or torch.isfinite(p.grad).all() for p in first.parameters()
    )

    saved = io.BytesIO()
    torch.save(first.state_dict(), saved)
    saved.seek(0)
    second.load_state_dict(torch.load(saved, weights_only=True))
    expected = call(first.eval(), x, name)
    torch.testing.assert_close(call(second.eval(), x, name), expected)
    torch.testing.assert_close(call(copy.deepcopy(first), x, name), expected)


# Dynamo's own: it looks for gradients of inner tensors, and makes autograd functions.
@pytest.mark.filterwarnings("ignore:The .grad attribute", "ignore:.*autograd.function")
@every_norm
@both_modes
def test_compiled_is_the_same(name, training):
    x = torch.randn(2, 4, 5, 4, 3)
    layer = build(name).train(training)
    other = copy.deepcopy(layer)
    torch.manual_seed(1)
    expected = call(layer, x, name)
    network = torch.compile(ConditionalNetwork(other), backend="eager")
    torch.manual_seed(1)
    y = network(x, **conditions_of(name, x))
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-5)
    torch.compiler.reset()


@every_norm
@torch.no_grad()
def test_exported_is_the_same(name):
    x = torch.randn(2, 4, 5, 4, 3)
    network = ConditionalNetwork(build(name)).eval()
    conditions = conditions_of(name, x)
    program = torch.export.export(network, (x,), conditions)
    expected = network(x, **conditions)
    y = program.module()(x, **conditions)
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-5)
