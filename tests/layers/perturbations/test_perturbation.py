"""What all style perturbations must hold."""

import copy

import pytest
import torch
from torch.autograd import gradcheck

from medinorm.layers import DSU, PERTURBATIONS, EFDMix, MixStyle, PermutedAdaIN

KINDS = list(PERTURBATIONS.values())
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
@pytest.mark.parametrize("shape", [(9,), (5, 6), (4, 3, 5)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_shape_layout_and_type_are_kept(kind, layout, shape, dtype):
    x = layout(torch.randn(3, 4, *shape).to(dtype))
    y = kind(probability=1.0, seed=0)(x)
    assert y.shape == x.shape
    assert y.dtype == dtype
    assert y.stride() == x.stride()
    assert not torch.equal(y, x)


@every_kind
def test_evaluation_and_single_samples_pass_unchanged(kind):
    layer = kind(probability=1.0)
    x = torch.randn(3, 4, 5, 5)
    assert layer(x[:1]) is not None
    assert torch.equal(layer(x[:1]), x[:1])
    assert torch.equal(layer(x[..., :1, :1]), x[..., :1, :1])
    assert torch.equal(layer.eval()(x), x)


@every_kind
def test_it_acts_as_often_as_it_should(kind):
    x = torch.randn(2, 3, 8)
    for probability in (0.0, 0.3, 1.0):
        layer = kind(probability=probability, seed=1)
        acted = sum(not torch.equal(layer(x), x) for _ in range(300))
        # A permutation of two samples is half of the time none at all.
        assert 0.5 * probability * 300 - 30 <= acted <= probability * 300 + 30


@every_kind
def test_the_same_seed_gives_the_same_sequence(kind):
    x = torch.randn(4, 3, 8)
    first, second = (kind(probability=0.5, seed=5) for _ in range(2))
    for _ in range(4):
        assert torch.equal(first(x), second(x))
    assert torch.equal(copy.deepcopy(first)(x), first(x))


@every_kind
def test_what_a_sample_shows_stays(kind):
    x = torch.randn(3, 2, 40)
    for _ in range(5):
        y = kind(probability=1.0)(x)
        for n in range(3):
            order = x[n, 0].argsort()
            steps = y[n, 0][order].diff()
            # Rising or, where noise makes a spread negative, falling throughout.
            assert (steps >= -1e-5).all() or (steps <= 1e-5).all()


@every_kind
def test_gradients_flow_and_are_finite(kind):
    x = torch.randn(3, 2, 4, 5, requires_grad=True)
    kind(probability=1.0, seed=0)(x).square().sum().backward()
    assert torch.isfinite(x.grad).all()
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", [DSU, PermutedAdaIN])
def test_gradients_of_those_that_detach_nothing(kind, layout):
    x = layout(torch.randn(3, 2, 2, 3, dtype=torch.float64)).requires_grad_()

    def perturb(x):
        return kind(probability=1.0, seed=3)(x)  # anew: the same draws each time

    assert gradcheck(perturb, x)


@every_kind
def test_constant_channels_stay_finite(kind):
    y = kind(probability=1.0)(torch.ones(3, 2, 4))
    assert torch.isfinite(y).all()


@every_kind
@pytest.mark.parametrize("options", [{"probability": 1.2}, {"eps": 0.0}])
def test_impossible_arguments_are_refused(kind, options):
    with pytest.raises(ValueError, match="must be"):
        kind(**options)


@pytest.mark.parametrize(
    ("kind", "options"),
    [(MixStyle, {"alpha": 0}), (EFDMix, {"alpha": 0}), (DSU, {"factor": -1})],
)
def test_impossible_strengths_are_refused(kind, options):
    with pytest.raises(ValueError, match="must"):
        kind(**options)
