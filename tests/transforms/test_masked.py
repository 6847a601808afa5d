"""Maps take the policy's background; constant scans become 0 where that is allowed."""

import numpy as np
import pytest

from medinorm.errors import IntensityError
from medinorm.intensity import LinearMap, Policy
from medinorm.transforms import KdeNormalize
from medinorm.transforms.masked import follow_policy

MAP = LinearMap((1.0,), (2.0,), background=-1.0)


def test_a_map_keeps_its_background_unless_the_policy_has_one():
    assert follow_policy(MAP, Policy("image")) == MAP
    changed = follow_policy(MAP, Policy("image", background=0.0, nonfinite_value=7.0))
    assert (changed.background, changed.nonfinite) == (0.0, 7.0)


def test_a_constant_scan_becomes_zeros_only_if_all_channels_are():
    constant = np.full((2, 8, 8, 8), 5.0)
    zeros = KdeNormalize(foreground="image", constant="zeros")
    assert (zeros(constant) == 0).all()
    constant[1] += np.random.default_rng(0).normal(0, 1, (8, 8, 8))
    with pytest.raises(IntensityError, match="all 512 foreground voxels are 5"):
        zeros(constant)
    with pytest.raises(IntensityError):
        KdeNormalize(foreground="image")(constant)
