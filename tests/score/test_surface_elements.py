"""Areas follow from geometry, whichever way a cell is turned."""

from itertools import permutations, product

import numpy as np
import pytest

from medinorm.score.surface_elements import CORNERS, cell_areas, surface_elements
from medinorm.score.surfaces import bounding_boxes
from tests.score.label_maps import blob

CODES = range(256)


def code_of(corners):
    return sum(1 << CORNERS.index(corner) for corner in corners)


def corners_of(code):
    return [corner for bit, corner in enumerate(CORNERS) if code >> bit & 1]


@pytest.mark.parametrize(
    ("corners", "area"),
    [
        ([], 0),
        (CORNERS, 0),
        ([(0, 0, 0)], np.sqrt(3) / 8),  # a corner cut off
        ([(0, 0, 0), (0, 0, 1)], np.sqrt(0.5)),  # an edge: a slanted plane
        ([c for c in CORNERS if not c[0]], 1),  # a face: a plane
        ([(0, 0, 0), (1, 1, 1)], np.sqrt(3) / 4),  # two corners cut off
        ([(0, 0, 0), (0, 1, 1)], np.sqrt(3) / 4),  # on the diagonal of a face
        # Three corners around the fourth: a hexagon.
        ([(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)], np.sqrt(27) / 4),
    ],
)
def test_areas_of_simple_cells_by_hand(corners, area):
    assert cell_areas(1.0, 1.0, 1.0)[code_of(corners)] == pytest.approx(area)


def test_a_cell_its_complement_and_its_mirror_images_have_one_area():
    areas = cell_areas(1.0, 1.0, 1.0)
    for code in CODES:
        images = {code, 255 - code}
        for order, flips in product(permutations(range(3)), product((0, 1), repeat=3)):
            turned = [
                tuple(corner[axis] ^ flips[axis] for axis in order)
                for corner in corners_of(code)
            ]
            images.add(code_of(turned))
        np.testing.assert_allclose(areas[sorted(images)], areas[code])


def test_areas_follow_the_spacing():
    areas = cell_areas(2.0, 3.0, 5.0)
    planes = [code_of([c for c in CORNERS if not c[axis]]) for axis in range(3)]
    np.testing.assert_allclose(areas[planes], [15.0, 10.0, 6.0])
    np.testing.assert_allclose(cell_areas(4.0, 6.0, 10.0), 4 * areas)


@pytest.mark.parametrize("spacing", [(1, 1, 1), (0.5, 1.0, 2.0)])
def test_the_area_of_a_ball_is_nearly_that_of_a_sphere(spacing):
    """Counting voxel faces instead would give 1.5 times the area and more."""
    radius = 14.0
    radii = [radius / step for step in spacing]
    shape = [int(2 * r) + 5 for r in radii]
    ball = blob(shape, [(n - 1) / 2 for n in shape], radii)
    box = bounding_boxes(ball)[1]
    found = surface_elements(ball, 1, box, spacing).areas.sum()
    sphere = 4 * np.pi * radius**2
    assert 1.0 < found / sphere < 1.15


def test_elements_have_a_place_between_voxels_also_at_the_border():
    labels = np.zeros((4, 4, 4), np.uint8)
    labels[0, 3, 2] = 7
    found = surface_elements(labels, 7, bounding_boxes(labels)[7], (1, 1, 1))
    assert found.points.min(axis=0).tolist() == [0, 3, 2]
    assert found.points.max(axis=0).tolist() == [1, 4, 3]
    np.testing.assert_allclose(found.areas, np.sqrt(3) / 8)
