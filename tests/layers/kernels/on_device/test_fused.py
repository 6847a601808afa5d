"""Fused instance norm against torch in float64."""

import pytest
import torch
import torch.nn.functional as F

from medinorm.layers.kernels import fused_instance_norm

EPS = 1e-5
ACTIVATIONS = {
    None: lambda z: z,
    "relu": F.relu,
    "leaky_relu": lambda z: F.leaky_relu(z, 0.2),
}
# What one rounding to the dtype costs, relative to the value.
ROUNDING = {torch.float32: 2e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}


def defined(x, weight=None, bias=None, activation=None):
    """The equation, with tensors of any dtype."""
    dims = tuple(range(2, x.dim()))
    after = (...,) + (None,) * len(dims)
    away = x - x.mean(dims, keepdim=True)
    z = away / (away.square().mean(dims, keepdim=True) + EPS).sqrt()
    z = z if weight is None else z * weight[after]
    z = z if bias is None else z + bias[after]
    return ACTIVATIONS[activation](z)


def exact(*tensors):
    """Copies in float64 that take gradients."""
    return [t.detach().double().requires_grad_() for t in tensors]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.usefixtures("cut")
def test_output_and_gradients(layout, dtype, activation):
    x = layout(torch.randn(2, 3, 3, 3, 5).to(dtype)).requires_grad_()
    weight, bias = torch.randn(2, 3).requires_grad_().unbind()
    weight.retain_grad()
    bias.retain_grad()
    gradient = torch.randn(x.shape).to(dtype)
    y = fused_instance_norm(x, weight, bias, EPS, activation, 0.2)
    y.backward(gradient)
    inputs = exact(x, weight, bias)
    wanted = defined(*inputs, activation)
    wanted.backward(gradient.double())
    error = ROUNDING[dtype]
    assert y.dtype == x.grad.dtype == dtype
    assert y.stride() == x.grad.stride() == x.stride()
    torch.testing.assert_close(y.double(), wanted, rtol=error, atol=error / 2)
    of_x, of_weight, of_bias = (t.grad for t in inputs)
    torch.testing.assert_close(x.grad.double(), of_x, rtol=error, atol=error / 2)
    torch.testing.assert_close(weight.grad.double(), of_weight, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(bias.grad.double(), of_bias, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("mean", "std"), [(0.0, 1e-2), (1e3, 1e-2), (1e3, 1.0), (3e4, 1e2)]
)
@pytest.mark.usefixtures("cut")
def test_offsets(layout, mean, std):
    x = layout(mean + std * torch.randn(1, 2, 4, 7, 5))
    y = fused_instance_norm(x, eps=EPS)
    torch.testing.assert_close(y.double(), defined(x.double()), rtol=0, atol=2e-6)


@pytest.mark.usefixtures("cut")
def test_gradient_at_an_offset(layout):
    x = layout(1e3 + torch.randn(1, 2, 4, 7, 5)).requires_grad_()
    gradient = torch.randn(x.shape)
    fused_instance_norm(x).backward(gradient)
    (copy,) = exact(x)
    defined(copy).backward(gradient.double())
    torch.testing.assert_close(x.grad.double(), copy.grad, rtol=0, atol=2e-6)


@pytest.mark.usefixtures("cut")
def test_a_first_value_far_from_all_others(layout):
    x = 1e3 + torch.randn(1, 2, 4, 7, 5)
    x[:, :, 0, 0, 0] = 0
    y = fused_instance_norm(layout(x))
    torch.testing.assert_close(y.double(), defined(x.double()), rtol=0, atol=2e-5)


@pytest.mark.parametrize("shape", [(1, 4, 9), (2, 3, 4, 5), (1, 1, 2), (5, 2, 1, 2, 1)])
def test_axes_and_few_voxels(layout, shape):
    x = layout(torch.randn(shape))
    wanted = defined(x.double())
    torch.testing.assert_close(
        fused_instance_norm(x).double(), wanted, rtol=1e-5, atol=1e-6
    )


@pytest.mark.usefixtures("cut")
def test_one_voxel_and_constant_channels_become_the_bias():
    bias = torch.tensor([1.0, -2.0])
    for x in (torch.full((3, 2, 1), 7.0), torch.full((1, 2, 3, 4, 5), 1e4 / 3)):
        y = fused_instance_norm(x, None, bias)
        assert torch.equal(y, bias.view(-1, *[1] * (x.dim() - 2)).expand_as(x))


def test_gradient_of_a_constant_channel_is_finite():
    x = torch.full((1, 1, 8), 5.0, requires_grad=True)
    gradient = torch.randn(x.shape)
    fused_instance_norm(x).backward(gradient)
    wanted = (gradient - gradient.mean()) / EPS**0.5
    torch.testing.assert_close(x.grad, wanted, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize("place", [0, -1])
@pytest.mark.usefixtures("cut")
def test_nan_stays_in_its_channel(layout, place, activation):
    x = torch.randn(2, 3, 40)
    x[0, 1, place] = float("nan")
    y = fused_instance_norm(layout(x), activation=activation)
    broken = torch.zeros(2, 3, 40, dtype=torch.bool)
    broken[0, 1] = True
    assert torch.equal(y.isnan(), broken)


def test_terms_for_each_sample(layout):
    x = layout(torch.randn(2, 3, 4, 5)).requires_grad_()
    weight, bias = torch.randn(2, 3), torch.randn(2, 3)
    parameters = [weight.clone().requires_grad_(), bias.clone().requires_grad_()]
    y = fused_instance_norm(x, *parameters)
    gradient = torch.randn(x.shape)
    y.backward(gradient)
    inputs = exact(x, weight, bias)
    defined(*inputs).backward(gradient.double())
    for leaf, wanted in zip([x, *parameters], inputs, strict=True):
        torch.testing.assert_close(
            leaf.grad.double(), wanted.grad, rtol=1e-5, atol=1e-5
        )


def test_half_precision_terms_and_gradients():
    weight = torch.ones(3, dtype=torch.bfloat16, requires_grad=True)
    fused_instance_norm(torch.randn(2, 3, 8), weight).sum().backward()
    assert weight.grad.dtype == torch.bfloat16


def test_expanded_gradient_and_frozen_input(layout):
    x = layout(torch.randn(2, 3, 4, 5))
    bias = torch.zeros(3, requires_grad=True)
    fused_instance_norm(x, None, bias).sum().backward()
    assert torch.equal(bias.grad, torch.full((3,), 40.0))


def test_samples_do_not_see_each_other():
    x = torch.randn(3, 2, 50)
    alone = fused_instance_norm(x[1:2].clone())
    assert torch.equal(fused_instance_norm(x)[1:2], alone)


def test_a_result_may_be_changed_in_place():
    x = torch.randn(1, 2, 9, requires_grad=True)
    default = fused_instance_norm(x, activation="relu")
    default.sum().backward()
    wanted = x.grad.clone()
    x.grad = None
    fused_instance_norm(x, activation="relu").add_(1).sum().backward()
    assert torch.equal(x.grad, wanted)


def test_second_derivatives_are_refused():
    x = torch.randn(1, 2, 9, requires_grad=True)
    y = fused_instance_norm(x).square().sum()
    (of_x,) = torch.autograd.grad(y, x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        of_x.sum().backward()


@pytest.mark.parametrize("shape", [(2,), (1, 3), (3, 3), (3, 1)])
def test_parameters_that_do_not_fit(shape):
    with pytest.raises(ValueError, match=r"shape \(3,\) or \(2, 3\), got"):
        fused_instance_norm(torch.zeros(2, 3, 4), torch.ones(shape))


def test_unknown_activation():
    with pytest.raises(ValueError, match="not gelu"):
        fused_instance_norm(torch.zeros(1, 1, 2), activation="gelu")
