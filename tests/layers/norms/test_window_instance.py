import math

import pytest
import torch

from medinorm.layers import InstanceNorm3d, WindowInstanceNorm3d


def test_evaluation_is_instance_norm(layout):
    x = layout(torch.randn(2, 3, 4, 5, 6))
    assert torch.equal(WindowInstanceNorm3d(3).eval()(x), InstanceNorm3d(3)(x))


@pytest.mark.parametrize("shape", [(50,), (7, 9), (8, 5, 6)])
def test_windows_are_inside_and_large_enough(shape):
    norm = WindowInstanceNorm3d(1, seed=3)
    corners = set()
    for _ in range(200):
        window = norm._window(torch.Size(shape))
        sides = [s.stop - s.start for s in window]
        assert all(
            s.start >= 0 and s.stop <= n for s, n in zip(window, shape, strict=True)
        )
        assert math.prod(sides) >= 0.7 * math.prod(shape)
        corners.add(tuple(s.start for s in window))
    assert len(corners) > 3


def test_training_perturbs_the_statistics_also_of_a_single_sample():
    x = torch.randn(1, 3, 6, 6, 6)
    norm = WindowInstanceNorm3d(3, seed=0)
    outputs = [norm(x) for _ in range(8)]
    distances = [(y - InstanceNorm3d(3)(x)).abs().max() for y in outputs]
    assert max(distances) > 1e-3
    # Whatever the window, the map of a channel is affine and rising.
    order = x[0, 0].flatten().argsort()
    assert all((y[0, 0].flatten()[order].diff() >= 0).all() for y in outputs)


def test_the_same_seed_gives_the_same_sequence():
    x = torch.randn(2, 3, 6, 6)
    first, second = (WindowInstanceNorm3d(3, seed=5) for _ in range(2))
    for _ in range(3):
        assert torch.equal(first(x), second(x))


@pytest.mark.parametrize("smallest", [0.0, 1.1])
def test_an_impossible_window_is_refused(smallest):
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        WindowInstanceNorm3d(3, smallest)
