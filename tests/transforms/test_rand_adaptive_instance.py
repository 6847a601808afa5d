"""Moments of other scans, drawn at random."""

import pytest
import torch

from medinorm.intensity import measure_foreground
from medinorm.transforms import (
    RandAdaptiveInstanceNormalize,
    RandAdaptiveInstanceNormalized,
)
from tests.transforms.cases import MOMENTS, POLICY, TRAINING, make_scan

FULL = {"prob": 1.0, "alpha": (1.0, 1.0), "foreground": "positive"}


def means_of(result, scan):
    """Mean of the first channel's foreground, rounded."""
    return round(float(result[0][scan[0] > 0].mean()))


def test_draws_every_reference(scan):
    augment = RandAdaptiveInstanceNormalize(TRAINING, **FULL).set_random_state(seed=0)
    drawn = {means_of(augment(scan), scan) for _ in range(40)}
    assert drawn == {round(one.mean[0]) for one in MOMENTS}


def test_alpha_is_drawn_too(scan):
    augment = RandAdaptiveInstanceNormalize(
        MOMENTS[1:2], prob=1.0, alpha=(0.2, 0.6), foreground="positive"
    ).set_random_state(seed=0)
    own = measure_foreground(scan, POLICY).mean[0]
    means = [float(augment(scan)[0][scan[0] > 0].mean()) for _ in range(40)]
    shares = [(mean - own) / (MOMENTS[1].mean[0] - own) for mean in means]
    assert 0.2 <= min(shares) < 0.3
    assert 0.5 < max(shares) <= 0.6


def test_learns_from_the_scans_before():
    augment = RandAdaptiveInstanceNormalize(**FULL).set_random_state(seed=0)
    first, second = (torch.from_numpy(scan) for scan in TRAINING[:2])
    torch.testing.assert_close(augment(first).as_tensor(), first)
    result = augment(second)
    assert means_of(result, second) == round(MOMENTS[0].mean[0])
    assert list(augment.pool) == pytest.approx(MOMENTS[:2])


def test_learns_also_while_nothing_is_changed():
    augment = RandAdaptiveInstanceNormalize(prob=0.0, foreground="positive", capacity=2)
    for scan in TRAINING:
        result = augment(scan).as_tensor()
        torch.testing.assert_close(result, torch.from_numpy(scan))
    assert list(augment.pool) == pytest.approx(MOMENTS[1:])


def test_what_is_given_does_not_grow(scan):
    augment = RandAdaptiveInstanceNormalize(MOMENTS, **FULL)
    for _ in range(3):
        augment(scan)
    assert list(augment.pool) == MOMENTS


def test_all_keys_are_changed_alike(scan):
    augment = RandAdaptiveInstanceNormalized(
        ("a", "b"), references=MOMENTS, prob=0.5, foreground="positive"
    ).set_random_state(seed=0)
    changed = 0
    for _ in range(20):
        result = augment({"a": scan, "b": scan.clone()})
        assert torch.equal(result["a"], result["b"])
        changed += not torch.equal(result["a"], scan)
        back = augment.inverse(result)
        torch.testing.assert_close(back["a"], scan, rtol=1e-4, atol=1e-2)
    assert 3 < changed < 17


@pytest.mark.parametrize("alpha", [(-0.1, 1.0), (0.5, 0.2), (0.0, 1.1)])
def test_refuses_impossible_alpha(alpha):
    with pytest.raises(ValueError, match="alpha must rise"):
        RandAdaptiveInstanceNormalize(alpha=alpha)


def test_scans_of_other_sizes_mix():
    augment = RandAdaptiveInstanceNormalize(**FULL).set_random_state(seed=0)
    augment(make_scan())
    small = make_scan(4)[:, 2:-2]
    assert augment(small).shape == small.shape


@pytest.mark.parametrize("prob", [0.0, 1.0])
def test_what_replaces_voxels_does_so_in_every_scan(prob, scan):
    scan[0, 12, 10, 8] = torch.nan
    augment = RandAdaptiveInstanceNormalize(
        [{"mean": [3.0, 4.0], "std": [2.0, 5.0]}],
        prob=prob,
        foreground="positive",
        nonfinite="ignore",
        nonfinite_value=0.0,
        background=-9.0,
    )
    changed = augment(scan)
    assert changed.isfinite().all()
    assert changed.min() == -9
