import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck

from medinorm.layers import normalize


def _statistics(rows=2):
    mean = torch.randn(rows, 3, dtype=torch.float64)
    return mean, torch.rand(rows, 3, dtype=torch.float64) + 0.5


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("per_sample", [False, True])
def test_is_its_formula(layout, rows, per_sample):
    x = layout(torch.randn(2, 3, 4, 2, 2, dtype=torch.float64))
    mean, std = _statistics(rows)
    weight, bias = torch.randn(
        2, *((2, 3) if per_sample else (3,)), dtype=torch.float64
    )
    expanded = [
        t.expand(2, 3)[..., None, None, None] for t in (mean, std, weight, bias)
    ]
    wanted = (x - expanded[0]) / expanded[1] * expanded[2] + expanded[3]
    y = normalize(x, mean, std, weight, bias)
    torch.testing.assert_close(y, wanted)
    assert y.stride() == x.stride()


@pytest.mark.parametrize(
    ("name", "reference"),
    [("relu", F.relu), ("leaky_relu", F.leaky_relu), (None, torch.clone)],
)
def test_activation(layout, name, reference):
    x = layout(torch.randn(2, 3, 4, 4, dtype=torch.float64)).requires_grad_()
    mean, std = _statistics()
    wanted = reference(normalize(x, mean, std))
    torch.testing.assert_close(normalize(x, mean, std, activation=name), wanted)
    assert gradcheck(lambda v: normalize(v, mean, std, activation=name), x)


def test_an_unknown_activation_is_refused():
    x, one = torch.zeros(1, 3, 2), torch.ones(1, 3)
    with pytest.raises(ValueError, match="relu or leaky_relu, not gelu"):
        normalize(x, one, one, activation="gelu")


def test_gradients(layout):
    x = layout(torch.randn(2, 3, 2, 2, dtype=torch.float64)).requires_grad_()
    terms = [
        t.requires_grad_() for t in (*_statistics(), *torch.randn(2, 2, 3).double())
    ]
    assert gradcheck(normalize, (x, *terms))


def test_digits_survive_a_large_offset(layout):
    x = layout(torch.randn(1, 3, 8, 8, 8) + 1e3)
    mean, std = x.mean((2, 3, 4)), torch.ones(1, 3)
    wanted = x.double() - mean.double()[..., None, None, None]
    torch.testing.assert_close(normalize(x, mean, std).double(), wanted, rtol=0, atol=0)


def test_the_dtype_is_kept():
    x = torch.randn(1, 3, 4, 4).bfloat16()
    assert normalize(x, torch.zeros(1, 3), torch.ones(1, 3)).dtype == torch.bfloat16
