"""A texture is of the scanner, not of the subject or its brightness."""

import numpy as np

from medinorm.expected.likeness.texture import NUMBERS, measure_texture


def head(noise=0.05, bright=1.0, radius=8, seed=0, blur=0):
    rng = np.random.default_rng(seed)
    index = np.indices((24, 24, 24)) - 12
    inside = np.sqrt((index**2).sum(0)) < radius
    image = inside * (1 + 0.1 * np.sin(index[0] / 3)) + rng.normal(0, noise, (24,) * 3)
    for _ in range(blur):
        image = (image + np.roll(image, 1, axis=2)) / 2
    return (bright * image).astype(np.float32)[np.newaxis]


def test_numbers_of_each_channel():
    both = measure_texture(np.concatenate([head(), head(noise=0.2)]))
    assert both.shape == (2 * NUMBERS,)
    assert np.isfinite(both).all()
    np.testing.assert_array_equal(both[:NUMBERS], measure_texture(head()))


def test_brightness_is_not_seen_and_another_subject_hardly():
    base = measure_texture(head())
    np.testing.assert_allclose(measure_texture(head(bright=100)), base, atol=1e-3)
    other = measure_texture(head(seed=1, radius=9))
    assert np.abs(other - base).max() < 0.3


def test_noise_is_seen_along_all_axes_and_blur_along_its_own():
    base = measure_texture(head()).reshape(3, -1)
    noisy = measure_texture(head(noise=0.1)).reshape(3, -1)
    assert (noisy[:, 0] > base[:, 0] + 0.2).all()
    blurred = measure_texture(head(blur=1)).reshape(3, -1)
    assert blurred[2, 4] < base[2, 4] - 0.5
    assert blurred[2, 4] < blurred[0, 4] - 0.3


def test_a_large_scan_is_thinned():
    large = np.tile(head(), (1, 4, 4, 4))
    difference = measure_texture(large) - measure_texture(head())
    assert np.abs(difference).max() < 0.15


def test_a_constant_channel_has_no_texture_and_cut_air_does_not_stop_it():
    assert np.isnan(measure_texture(np.ones((1, 8, 8, 8), np.float32))).all()
    image = head()
    image[image < 0.5] = 0  # as after removal of the background
    assert np.isfinite(measure_texture(image)).all()
