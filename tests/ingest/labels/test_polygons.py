import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.path import Path

from medinorm.ingest.labels.polygons import fill_polygons

SHAPE = (19, 23)
CENTRES = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)


def star(middle, radii):
    """A polygon that does not cross itself."""
    angle = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    return middle + np.array(radii)[:, None] * np.c_[np.cos(angle), np.sin(angle)]


def distance_to(corners):
    """Distance of each centre from the nearest edge."""
    start, end = corners, np.roll(corners, -1, axis=0)
    along = end - start
    away = CENTRES[..., None, :] - start
    part = (away * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-12)
    nearest = start + np.clip(part, 0, 1)[..., None] * along
    return np.linalg.norm(CENTRES[..., None, :] - nearest, axis=-1).min(-1)


stars = st.builds(
    star,
    st.tuples(st.floats(-4, 24), st.floats(-4, 24)).map(np.array),
    st.lists(st.floats(0.5, 14), min_size=3, max_size=24),
)


@given(stars)
def test_the_same_as_matplotlib(corners):
    """An independent rasterizer, but for centres on an edge."""
    theirs = Path(corners).contains_points(CENTRES.reshape(-1, 2)).reshape(SHAPE)
    differ = fill_polygons([corners], SHAPE) != theirs
    assert (distance_to(corners)[differ] < 1e-9).all()


@given(stars, stars)
def test_two_polygons_are_those_pixels_that_one_of_them_has(one, other):
    apart = fill_polygons([one], SHAPE) ^ fill_polygons([other], SHAPE)
    np.testing.assert_array_equal(fill_polygons([one, other], SHAPE), apart)


@given(stars, st.integers(0, 30))
def test_start_and_direction_do_not_matter(corners, turn):
    other = np.roll(corners[::-1], turn, axis=0)
    np.testing.assert_array_equal(
        fill_polygons([other], SHAPE), fill_polygons([corners], SHAPE)
    )


@given(
    st.lists(st.integers(-2, 20), min_size=6, max_size=6),
    st.lists(st.integers(-2, 20), min_size=2, max_size=2),
)
def test_polygons_that_share_an_edge_share_no_pixel(numbers, apex):
    """Corners and edges run through centres."""
    first, second, third = np.array(numbers, dtype=float).reshape(3, 2)
    along = second - first

    def side(point):
        away = point - first
        return np.sign(along[0] * away[1] - along[1] * away[0])

    fourth = np.array(apex, dtype=float)
    if side(third) * side(fourth) >= 0:
        return
    one = fill_polygons([np.stack([first, second, third])], SHAPE)
    other = fill_polygons([np.stack([second, first, fourth])], SHAPE)
    assert not (one & other).any()


def test_a_keyhole_is_a_hole():
    outer = star(np.array([9.0, 11.0]), [8.3] * 40)
    inner = star(np.array([9.0, 11.0]), [4.1] * 40)
    keyhole = np.concatenate([outer, outer[:1], inner[:1], inner[::-1]])
    np.testing.assert_array_equal(
        fill_polygons([keyhole], SHAPE), fill_polygons([outer, inner], SHAPE)
    )


def test_nothing_from_nothing():
    assert not fill_polygons([], SHAPE).any()
    assert not fill_polygons([np.full((4, 2), 3.3)], SHAPE).any()
