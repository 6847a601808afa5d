"""A profile tells scanners apart; the place of the head does not change it."""

import numpy as np

from medinorm.expected.likeness.profile import profile_image

ONE = (1.0, 1.0, 1.0)


def head(noise=0.05, bright=1.0, shift=0):
    rng = np.random.default_rng(0)
    index = np.indices((24, 24, 24)) - 12
    inside = np.roll(np.sqrt((index**2).sum(0)) < 8, shift, axis=0)
    return (inside * bright + rng.normal(0, noise, inside.shape)).astype(np.float32)


def test_nine_numbers_a_channel():
    profile = profile_image(np.stack([head(), head(bright=2.0)]), ONE)
    assert profile.shape == (18,)
    assert np.isfinite(profile).all()
    assert profile[12] > profile[3]  # medians


def test_noise_and_brightness_are_seen_and_the_place_is_not():
    base, moved, noisy, bright = (
        profile_image(one[np.newaxis], ONE)
        for one in (head(), head(shift=2), head(noise=0.2), head(bright=2))
    )
    np.testing.assert_allclose(moved, base, atol=0.05)
    assert noisy[8] > 2 * base[8]
    assert bright[3] > 1.8 * base[3]


def test_volume_is_in_ml_whatever_the_voxels():
    fine = profile_image(head()[np.newaxis], ONE)
    coarse = profile_image(head()[np.newaxis, ::2, ::2, ::2], (2.0, 2.0, 2.0))
    np.testing.assert_allclose(fine[7], coarse[7], atol=0.1)


def test_a_large_scan_is_thinned():
    small = head()
    large = small.repeat(10, axis=0).repeat(10, axis=1)
    profile = profile_image(large[np.newaxis], (0.1, 0.1, 1.0))
    base = profile_image(small[np.newaxis], ONE)
    np.testing.assert_allclose(profile[:8], base[:8], atol=0.1)


def test_a_constant_channel_has_no_profile():
    assert np.isnan(profile_image(np.ones((1, 8, 8, 8), np.float32), ONE)).all()
