"""Laws of the metrics, their policy for empty masks, and agreement with MONAI."""

import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from monai.metrics import (
    compute_dice,
    compute_hausdorff_distance,
    compute_surface_dice,
)
from scipy.ndimage import binary_erosion

from medinorm.files.nifti import read_volume
from medinorm.files.tables import read_table
from medinorm.score.metrics import (
    bounding_boxes,
    compare_label_maps,
    count_overlaps,
    image_diagonal,
    surface_distances,
    surface_points,
)

# A machine that does other work too must not fail a law.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

spacings = st.tuples(*[st.sampled_from([0.5, 0.75, 1.0, 2.0, 3.5])] * 3)


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


def compare(label, prediction, spacing=(1, 1, 1), tolerance=1.0, values=(1,)):
    return compare_label_maps(label, prediction, values, spacing, tolerance)[0]


@UNHURRIED
@given(pair=pairs())
def test_counts_are_those_of_each_mask(pair):
    label, prediction = pair
    found = count_overlaps(label, prediction, [3, 1])
    for index, value in enumerate([3, 1]):
        true, predicted = label == value, prediction == value
        assert found.label[index] == true.sum()
        assert found.prediction[index] == predicted.sum()
        assert found.shared[index] == (true & predicted).sum()


def test_counts_do_not_depend_on_how_many_voxels_are_taken_at_once(monkeypatch):
    rng = np.random.default_rng(0)
    label, prediction = rng.integers(0, 256, (2, 20, 21, 22)).astype(np.uint8)
    values = [*range(1, 256)]
    whole = count_overlaps(label, prediction, values)
    monkeypatch.setattr("medinorm.score.metrics._VOXELS_AT_ONCE", 17)
    parts = count_overlaps(label, prediction, values)
    np.testing.assert_array_equal(whole.shared, parts.shared)
    np.testing.assert_array_equal(whole.label, parts.label)
    assert whole.shared.sum() == ((label == prediction) & (label > 0)).sum()


def test_label_maps_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match="shape"):
        count_overlaps(np.zeros((2, 6), np.uint8), np.zeros((3, 4), np.uint8), [1])


@UNHURRIED
@given(pair=pairs().filter(both_have), spacing=spacings)
def test_a_map_agrees_with_itself(pair, spacing):
    found = compare(pair[0], pair[0], spacing)
    assert (found.dice, found.nsd, found.hd95) == (1.0, 1.0, 0.0)


@UNHURRIED
@given(pair=pairs(), spacing=spacings)
def test_swapping_the_maps_changes_nothing(pair, spacing):
    label, prediction = pair
    one, other = compare(label, prediction, spacing), compare(*pair[::-1], spacing)
    np.testing.assert_array_equal(
        [one.dice, one.nsd, one.hd95], [other.dice, other.nsd, other.hd95]
    )


@UNHURRIED
@given(
    pair=pairs(side=6),
    before=st.tuples(*[st.integers(1, 4)] * 3),
    after=st.tuples(*[st.integers(1, 4)] * 3),
)
def test_moving_both_inside_a_larger_image_changes_nothing(pair, before, after):
    if not both_have(pair):
        return
    moved = [np.pad(a, list(zip(before, after, strict=True))) for a in pair]
    assert compare(*moved, (1, 2, 3)) == compare(*pair, (1, 2, 3))


@UNHURRIED
@given(pair=pairs().filter(both_have), scale=st.sampled_from([0.25, 0.5, 2.0, 8.0]))
def test_distances_scale_with_the_spacing(pair, scale):
    one = compare(*pair, (1.0, 2.0, 3.0), 1.5)
    scaled = compare(*pair, (scale, 2 * scale, 3 * scale), 1.5 * scale)
    assert scaled.hd95 == pytest.approx(scale * one.hd95)
    assert (scaled.dice, scaled.nsd) == (one.dice, one.nsd)


@UNHURRIED
@given(pair=pairs().filter(both_have), spacing=spacings)
def test_permuting_the_axes_with_their_spacing_changes_nothing(pair, spacing):
    turned = compare(
        pair[0].transpose(2, 0, 1),
        pair[1].transpose(2, 0, 1),
        (spacing[2], spacing[0], spacing[1]),
    )
    straight = compare(*pair, spacing)
    assert turned.hd95 == pytest.approx(straight.hd95)
    assert turned.nsd == pytest.approx(straight.nsd)


@UNHURRIED
@given(pair=pairs().filter(both_have), spacing=spacings)
def test_nsd_rises_with_the_tolerance_to_one(pair, spacing):
    tolerances = [0.0, 0.5, 1.0, 4.0, image_diagonal(pair[0].shape, spacing)]
    found = [compare(*pair, spacing, tolerance).nsd for tolerance in tolerances]
    assert found == sorted(found)
    assert found[-1] == 1.0


def test_a_shift_moves_the_surface_by_its_length():
    label = np.zeros((20, 20, 30), np.uint8)
    label[5:11, 5:11, 5:11] = 1
    found = compare(label, np.roll(label, 5, axis=2), (1, 1, 2))
    assert found.hd95 == 10.0  # the far face is more than a twentieth of the surface


def test_tolerance_includes_distances_equal_to_it():
    label = np.zeros((6, 6, 6), np.uint8)
    label[1, 1, 1] = 1
    moved = np.roll(label, 3, axis=0)
    # 3 * 0.1 is larger than 0.3 in binary
    assert compare(label, moved, (0.1, 1, 1), 0.3).nsd == 1.0
    assert compare(label, moved, (0.1, 1, 1), 0.29).nsd == 0.0


def test_hd95_is_the_larger_direction_not_the_pooled_percentile():
    label = np.zeros((40, 3, 3), np.uint8)
    label[:3, 1, 1] = 1
    prediction = label.copy()
    prediction[30, 1, 1] = 1  # one of four points, 28 voxels off
    forth = [0.0, 0.0, 0.0, 28.0]
    assert compare(label, prediction).hd95 == pytest.approx(np.percentile(forth, 95))


EMPTY = np.zeros((3, 4, 12), np.uint8)
FULL = blob((3, 4, 12), (1, 1, 5), (1, 1, 3))


@pytest.mark.parametrize("pair", [(FULL, EMPTY), (EMPTY, FULL)])
def test_a_label_in_one_map_only_is_the_worst_score(pair):
    found = compare(*pair, (2, 2, 2))
    assert (found.dice, found.nsd, found.hd95) == (0.0, 0.0, 26.0)


def test_a_label_in_neither_map_is_not_scored():
    found = compare(EMPTY, EMPTY)
    assert all(math.isnan(score) for score in (found.dice, found.nsd, found.hd95))
    assert (found.voxels_label, found.voxels_prediction) == (0, 0)


@UNHURRIED
@given(
    points=arrays(np.int64, (7, 3), elements=st.integers(0, 15)),
    others=arrays(np.int64, (5, 3), elements=st.integers(0, 15)),
    spacing=spacings,
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


# MONAI calls its own function with an argument that it has deprecated.
monai_warns = pytest.mark.filterwarnings(
    "ignore:.*always_return_as_numpy:FutureWarning"
)


def monai_scores(label, prediction, spacing, tolerance):
    """Dice, NSD and HD95 of label 1 by MONAI."""
    true, predicted = (
        torch.from_numpy(np.stack([mask != 1, mask == 1])[None].astype(np.uint8))
        for mask in (label, prediction)
    )
    maps = {"y_pred": predicted, "y": true, "include_background": False}
    return (
        float(compute_dice(**maps)),
        float(
            compute_surface_dice(**maps, class_thresholds=[tolerance], spacing=spacing)
        ),
        float(compute_hausdorff_distance(**maps, percentile=95, spacing=spacing)),
    )


@monai_warns
@settings(UNHURRIED, max_examples=60)
@given(pair=pairs(values=1).filter(both_have), spacing=spacings)
def test_agrees_with_monai_on_random_masks(pair, spacing):
    found = compare(*pair, spacing, 1.25)
    expected = monai_scores(*pair, spacing, 1.25)
    np.testing.assert_allclose(
        (found.dice, found.nsd, found.hd95), expected, rtol=1e-5, atol=1e-5
    )


@monai_warns
@pytest.mark.parametrize("centre", [(12, 12, 12), (2, 12, 20), (16, 14, 13)])
def test_agrees_with_monai_on_shapes_that_may_touch_the_border(centre):
    label = blob((24, 26, 28), (12, 12, 12), (6, 7, 5))
    prediction = blob((24, 26, 28), centre, (5, 5, 8))
    found = compare(label, prediction, (1.0, 1.5, 3.0), 2.0)
    expected = monai_scores(label, prediction, (1.0, 1.5, 3.0), 2.0)
    np.testing.assert_allclose(
        (found.dice, found.nsd, found.hd95), expected, rtol=1e-5, atol=1e-5
    )


@monai_warns
def test_agrees_with_monai_on_real_label_maps(real_data):
    """One person's hippocampus as a prediction of another's."""
    table = real_data / "hippocampus" / "scans.tsv"
    rows = read_table(table)[:4]
    maps = [read_volume(table.parent / row["label"]) for row in rows]
    grid = np.min([volume.grid for volume in maps], axis=0)
    crops = [v.array[0][tuple(map(slice, grid))].astype(np.uint8) for v in maps]
    first, *others = crops
    for other in others:
        found = compare(first, other, (1.0, 1.0, 1.0), 2.0)
        expected = monai_scores(first, other, (1.0, 1.0, 1.0), 2.0)
        ours = found.dice, found.nsd, found.hd95
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)
