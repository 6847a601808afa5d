"""Label maps to compare, and what the comparison of one label finds."""

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import gaussian_filter

from medinorm.score.compare import LabelMeasures, compare_label_maps

# A machine that does other work too must not fail a law.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

SPACINGS = st.tuples(*[st.sampled_from([0.5, 0.75, 1.0, 2.0, 3.5])] * 3)


@st.composite
def pairs(draw, values=3, side=9):
    """Two label maps of one shape; each draw may lack labels."""
    shape = draw(array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=side))
    labels = st.integers(0, values)
    return draw(arrays(np.uint8, shape, elements=labels)), draw(
        arrays(np.uint8, shape, elements=labels)
    )


def both_have(pair, value=1):
    return all((labels == value).any() for labels in pair)


def blob(shape, centre, radii):
    """An ellipsoid, labelled 1."""
    grid = np.indices(shape)
    scaled = [(g - c) / r for g, c, r in zip(grid, centre, radii, strict=True)]
    return (sum(s**2 for s in scaled) <= 1).astype(np.uint8)


def rough_pair(kind):
    """Two ellipsoids, 1.2 voxels apart on each axis; rougher with `kind`, 0 to 3."""
    rng = np.random.default_rng(kind)
    shape, centre = (30, 32, 28), (15, 16, 14)
    maps = []
    for shift in (0, 1.2):
        sides = zip(
            np.indices(shape), centre, (9 + kind, 8, 7 + 0.5 * kind), strict=True
        )
        radius = np.sqrt(sum(((g - c - shift) / r) ** 2 for g, c, r in sides))
        noise = gaussian_filter(rng.normal(size=shape), 1.5)
        maps.append((radius + 0.04 * kind * noise / noise.std() < 1).astype(np.uint8))
    return maps


def compare(
    label, prediction, spacing=(1, 1, 1), tolerance=1.0, surface="voxel", lesions=()
):
    """Scores of label 1 by metric."""
    measures = LabelMeasures(tolerance, surface, frozenset(lesions))
    (found,) = compare_label_maps(label, prediction, [1], spacing, measures)
    return found.metrics
