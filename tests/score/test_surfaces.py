"""Surfaces and their distances, beside the plain way to find them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import binary_erosion

from medinorm.score.surfaces import (
    bounding_boxes,
    surface_distances,
    surface_points,
)
from tests.score.label_maps import SPACINGS, UNHURRIED, pairs


@UNHURRIED
@given(
    points=arrays(np.int64, (7, 3), elements=st.integers(0, 15)),
    others=arrays(np.int64, (5, 3), elements=st.integers(0, 15)),
    spacing=SPACINGS,
)
def test_distances_are_those_of_all_pairs(points, others, spacing):
    apart = (points[:, None] - others[None]) * np.array(spacing)
    expected = np.linalg.norm(apart, axis=2).min(axis=1)
    found = surface_distances(points, others, spacing)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_near_and_far_distances_are_found_in_one_call():
    points = np.array([[0, 0, 0], [0, 0, 3], [0, 0, 60]])
    found = surface_distances(points, np.array([[0, 0, 0]]), (1.0, 1.0, 0.5))
    np.testing.assert_allclose(found, [0, 1.5, 30])


@UNHURRIED
@given(pair=pairs(values=1))
def test_surfaces_are_what_erosion_takes_away(pair):
    labels = pair[0]
    for value, box in bounding_boxes(labels).items():
        mask = labels == value
        expected = np.argwhere(mask & ~binary_erosion(mask))
        np.testing.assert_array_equal(surface_points(labels, value, box), expected)
