from typing import get_args

import numpy as np
import pytest

from medinorm.choices import ScannerName
from medinorm.demo.scanners import SCANNERS, draw_grid, noise_of, scanner
from medinorm.demo.tissues import RELAXATION
from medinorm.method_names import SCANNER_DECLARATIONS

NAMES = list(SCANNERS)


def contrast(name):
    device = SCANNERS[name]
    tissues = RELAXATION[device.field_strength]
    return {key: device.sequence.signal(tissue) for key, tissue in tissues.items()}


def test_scanners_are_those_of_the_configuration():
    assert tuple(SCANNERS) == get_args(ScannerName)


def test_each_scanner_has_random_numbers_of_its_own():
    seeds = [declared.facts["seed"] for declared in SCANNER_DECLARATIONS.values()]
    assert len(set(seeds)) == len(SCANNERS)
    with pytest.raises(ValueError, match="another scanner has seed 0: give new one of"):
        scanner("new", "one more", seed=0)


@pytest.mark.parametrize("name", NAMES)
def test_white_matter_is_brighter_than_gray_matter_than_fluid(name):
    signal = contrast(name)
    white, gray = signal["white matter"], signal["gray matter"]
    assert white > 1.1 * gray > 1.1 * 1.5 * abs(signal["cerebrospinal fluid"])


def test_the_hard_scanner_has_the_least_contrast_to_noise():
    def to_noise(name):
        signal = contrast(name)
        grid = draw_grid(SCANNERS[name], 3.0, np.random.default_rng(0))
        ratio = 1 - signal["gray matter"] / signal["white matter"]
        return ratio / noise_of(SCANNERS[name], grid)

    ranked = sorted(NAMES, key=to_noise)
    assert ranked[0] == "lowfield_64mt"
    assert to_noise(ranked[1]) > 3 * to_noise(ranked[0])


def test_contrasts_differ_between_scanners():
    ratios = [
        contrast(name)["gray matter"] / contrast(name)["white matter"] for name in NAMES
    ]
    assert np.diff(sorted(ratios)).min() > 0.03


@pytest.mark.parametrize("name", NAMES)
def test_the_field_of_view_holds_a_head(name):
    grid = draw_grid(SCANNERS[name], 3.0, np.random.default_rng(0))
    points = grid.points().reshape(3, -1)
    assert (points.min(axis=1) < (-85, -115, -65)).all()
    assert (points.max(axis=1) > (85, 85, 85)).all()
    assert grid.spacing[:2] == pytest.approx((3.0, 3.0))
    assert np.linalg.det(grid.affine) > 0  # slices count along the normal


def test_slices_are_cut_in_different_directions():
    directions = {
        name: int(
            np.abs(
                draw_grid(SCANNERS[name], 3.0, np.random.default_rng(0)).affine[:3, 2]
            ).argmax()
        )
        for name in NAMES
    }
    assert set(directions.values()) == {0, 1, 2}
