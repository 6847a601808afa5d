"""Contrast of scanners that were never seen."""

import numpy as np
import pytest
import torch

from medinorm.errors import IntensityError
from medinorm.transforms import RandScannerContrast, RandScannerContrastd
from tests.transforms.cases import make_scan

NONE = {
    "gain": (1.0, 1.0),
    "offset": (0.0, 0.0),
    "gamma": (1.0, 1.0),
    "bias": (0.0, 0.0),
    "noise": (0.0, 0.0),
    "thickness": (1.0, 1.0),
    "chance": 1.0,
}


@pytest.mark.parametrize(
    ("change", "bounds"),
    [
        ("gain", (2.0, 2.0)),
        ("offset", (0.2, 0.2)),
        ("gamma", (1.5, 1.5)),
        ("bias", (0.3, 0.3)),
        ("noise", (0.05, 0.05)),
        ("thickness", (3.0, 3.0)),
    ],
)
def test_each_range_is_passed_on(change, bounds, scan):
    keep = RandScannerContrast(prob=1.0, **NONE).set_random_state(seed=0)
    torch.testing.assert_close(keep(scan).as_tensor(), scan.as_tensor())
    augment = RandScannerContrast(prob=1.0, **{**NONE, change: bounds})
    augment.set_random_state(seed=0)
    result = augment(scan).as_tensor()
    assert not torch.allclose(result, scan.as_tensor(), rtol=1e-3)
    if change == "gain":
        torch.testing.assert_close(result, 2 * scan.as_tensor())


def test_happens_as_often_as_asked(scan):
    augment = RandScannerContrast(prob=0.3).set_random_state(seed=0)
    small = scan[:, 8:12, 8:12, 6:10]
    changed = sum(not torch.equal(augment(small), small) for _ in range(200))
    assert 40 < changed < 75  # 60, less those of which no change is taken


def test_keys_are_changed_alike_and_labels_are_not(scan):
    augment = RandScannerContrastd(("a", "b"), prob=1.0).set_random_state(seed=0)
    data = {"a": scan, "b": scan.clone(), "label": scan > 0}
    result = augment(data)
    assert torch.equal(result["a"], result["b"])
    assert result["label"] is data["label"]


def test_the_draw_does_not_depend_on_the_chance():
    scan = make_scan()
    drawn = []
    for prob in (0.0, 1.0):
        augment = RandScannerContrast(prob=prob).set_random_state(seed=3)
        augment(scan)
        drawn.append(augment.R.rand())
    assert drawn[0] == drawn[1]


def test_refuses_impossible_ranges_and_nan():
    with pytest.raises(IntensityError, match="gain cannot be drawn"):
        RandScannerContrast(gain=(0.0, 1.0))
    with pytest.raises(TypeError, match="gian"):
        RandScannerContrast(gian=(1.0, 1.0))
    with pytest.raises(IntensityError, match="NaN"):
        RandScannerContrast(prob=1.0)(np.full((1, 8, 8, 8), np.nan))
