"""Turned and scaled patches: straight from the scan, labels with the image."""

import numpy as np
import pytest
from scipy.ndimage import affine_transform

from medinorm.train.changes.spatial import draw_change, resample_patch

RNG = np.random.default_rng(0)
IMAGE = RNG.normal(size=(2, 20, 18, 16)).astype(np.float32)
LABEL = (IMAGE[0] > 0.5).astype(np.uint8) + 1
PATCH = (8, 10, 6)
CENTRE = np.array([9.5, 8.5, 7.5])


def draw_until_changed(patch, seed=0):
    rng = np.random.default_rng(seed)
    changes = (draw_change(rng, patch) for _ in range(1000))
    return [change for change in changes if change is not None]


def test_nothing_changed_is_the_patch_itself():
    first = np.array([4, 3, 5])
    centre = first + (np.array(PATCH) - 1) / 2
    image, maps, inside = resample_patch(IMAGE, [LABEL], centre, np.eye(3), PATCH)
    window = tuple(slice(a, a + n) for a, n in zip(first, PATCH, strict=True))
    np.testing.assert_allclose(image, IMAGE[(slice(None), *window)], atol=1e-5)
    np.testing.assert_array_equal(maps[0], LABEL[window])
    assert inside.all()


@pytest.mark.parametrize("number", range(4))
def test_a_changed_patch_is_that_of_scipy(number):
    matrix = draw_until_changed(PATCH)[number]
    offset = CENTRE - matrix @ ((np.array(PATCH) - 1) / 2)
    options = {"offset": offset, "output_shape": PATCH}
    image, maps, inside = resample_patch(IMAGE, [LABEL], CENTRE, matrix, PATCH)
    assert inside.all()
    for channel, source in zip(image, IMAGE, strict=True):
        expected = affine_transform(source, matrix, order=1, **options)
        np.testing.assert_allclose(channel, expected, atol=1e-4)
    expected = affine_transform(LABEL, matrix, order=0, **options)
    assert np.mean(maps[0].numpy() != expected) < 0.01  # ties are rounded either way


def test_outside_of_the_scan_nothing_is_invented():
    corner = np.zeros(3)
    image, maps, inside = resample_patch(IMAGE, [LABEL], corner, np.eye(3) * 1.2, PATCH)
    assert 0 < inside.float().mean() < 0.3
    assert not maps[0][~inside].any()
    assert maps[0][inside].all()
    assert float(image.max()) <= IMAGE.max() + 1e-5


def test_flat_patches_stay_in_their_plane():
    for matrix in draw_until_changed((40, 40, 8)):
        scale = matrix[2, 2]
        np.testing.assert_allclose(matrix[2], [0, 0, scale], atol=1e-12)
        np.testing.assert_allclose(matrix[:, 2], [0, 0, scale], atol=1e-12)


def test_changes_are_as_often_and_as_large_as_declared():
    changes = draw_until_changed((32, 32, 32))
    assert 300 < len(changes) < 420  # 1 - 0.8 ** 2 of 1000
    sizes = [np.cbrt(np.linalg.det(matrix)) for matrix in changes]
    assert min(sizes) > 0.69
    assert max(sizes) < 1.41
