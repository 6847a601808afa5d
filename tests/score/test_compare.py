"""Laws of the comparison, its policy for empty masks, and agreement with MONAI."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics import (
    compute_dice,
    compute_hausdorff_distance,
    compute_surface_dice,
)

from medinorm.files.nifti import read_volume
from medinorm.files.tables import read_table
from medinorm.records.metrics import METRICS
from medinorm.score.compare import compare_label_maps
from tests.score.label_maps import (
    SPACINGS,
    UNHURRIED,
    blob,
    both_have,
    compare,
    pairs,
)

FLAVOURS = st.sampled_from(["area", "voxel"])


@UNHURRIED
@given(pair=pairs().filter(both_have), spacing=SPACINGS, surface=FLAVOURS)
def test_a_map_agrees_with_itself(pair, spacing, surface):
    found = compare(pair[0], pair[0], spacing, surface=surface)
    assert (found["dice"], found["nsd"], found["hd95"]) == (1.0, 1.0, 0.0)


@UNHURRIED
@given(pair=pairs(), spacing=SPACINGS, surface=FLAVOURS)
def test_swapping_the_maps_changes_nothing(pair, spacing, surface):
    one, other = (compare(*p, spacing, surface=surface) for p in (pair, pair[::-1]))
    alike = [name for name, metric in METRICS.items() if metric.symmetric]
    assert [one[name] for name in alike] == [other[name] for name in alike]


@UNHURRIED
@given(
    pair=pairs(side=6),
    before=st.tuples(*[st.integers(1, 4)] * 3),
    after=st.tuples(*[st.integers(1, 4)] * 3),
    surface=FLAVOURS,
)
def test_moving_both_inside_a_larger_image_changes_nothing(
    pair, before, after, surface
):
    if not both_have(pair):
        return
    moved = [np.pad(a, list(zip(before, after, strict=True))) for a in pair]
    one, other = (compare(*p, (1, 2, 3), surface=surface) for p in (moved, pair))
    assert one == other


@UNHURRIED
@given(
    pair=pairs().filter(both_have),
    scale=st.sampled_from([0.25, 0.5, 2.0, 8.0]),
    surface=FLAVOURS,
)
def test_distances_scale_with_the_spacing(pair, scale, surface):
    one = compare(*pair, (1.0, 2.0, 3.0), 1.5, surface)
    scaled = compare(*pair, (scale, 2 * scale, 3 * scale), 1.5 * scale, surface)
    assert scaled["hd95"] == pytest.approx(scale * one["hd95"])
    assert scaled["nsd"] == pytest.approx(one["nsd"])
    assert scaled["dice"] == one["dice"]


@UNHURRIED
@given(pair=pairs().filter(both_have), spacing=SPACINGS, surface=FLAVOURS)
def test_permuting_the_axes_with_their_spacing_changes_nothing(pair, spacing, surface):
    turned = compare(
        pair[0].transpose(2, 0, 1),
        pair[1].transpose(2, 0, 1),
        (spacing[2], spacing[0], spacing[1]),
        surface=surface,
    )
    straight = compare(*pair, spacing, surface=surface)
    assert turned["hd95"] == pytest.approx(straight["hd95"])
    assert turned["nsd"] == pytest.approx(straight["nsd"])


EMPTY = np.zeros((3, 4, 12), np.uint8)
FULL = blob((3, 4, 12), (1, 1, 5), (1, 1, 3))


@pytest.mark.parametrize("pair", [(FULL, EMPTY), (EMPTY, FULL)])
def test_a_label_in_one_map_only_is_the_worst_score(pair):
    found = compare(*pair, (2, 2, 2))
    assert (found["dice"], found["nsd"], found["hd95"]) == (0.0, 0.0, 26.0)


def test_a_label_in_neither_map_is_not_scored():
    (found,) = compare_label_maps(EMPTY, EMPTY, [1], (1, 1, 1), 1.0)
    scores = {name: found.metrics[name] for name in METRICS if not METRICS[name].always}
    assert set(scores.values()) == {None}
    assert (found.metrics["volume_bias_ml"], found.metrics["volume_bias"]) == (0, None)
    assert (found.voxels_label, found.voxels_prediction) == (0, 0)


# MONAI calls its own function with an argument that it has deprecated.
monai_warns = pytest.mark.filterwarnings(
    "ignore:.*always_return_as_numpy:FutureWarning"
)


# MONAI answers in single precision; it interpolates percentiles in it too.
LAST_DIGITS = np.array([2.5e-7, 2.5e-7, 1e-5])


def assert_same(ours, expected):
    """Dice, NSD and HD95 agree to the last digit that MONAI has."""
    assert (np.abs(np.subtract(ours, expected)) <= LAST_DIGITS * expected).all()


def monai_scores(label, prediction, spacing, tolerance):
    """Dice, NSD and HD95 of label 1 by MONAI."""
    true, predicted = (
        torch.from_numpy(np.stack([mask != 1, mask == 1])[None].astype(np.uint8))
        for mask in (label, prediction)
    )
    maps = {"y_pred": predicted, "y": true, "include_background": False}
    nsd = compute_surface_dice(**maps, class_thresholds=[tolerance], spacing=spacing)
    hd95 = compute_hausdorff_distance(**maps, percentile=95, spacing=spacing)
    return np.array([float(compute_dice(**maps)), float(nsd), float(hd95)])


@monai_warns
@settings(UNHURRIED, max_examples=60)
@given(pair=pairs(values=1).filter(both_have), spacing=SPACINGS)
def test_agrees_with_monai_on_random_masks(pair, spacing):
    found = compare(*pair, spacing, 1.25)
    expected = monai_scores(*pair, spacing, 1.25)
    assert_same((found["dice"], found["nsd"], found["hd95"]), expected)


@monai_warns
@pytest.mark.parametrize("centre", [(12, 12, 12), (2, 12, 20), (16, 14, 13)])
def test_agrees_with_monai_on_shapes_that_may_touch_the_border(centre):
    label = blob((24, 26, 28), (12, 12, 12), (6, 7, 5))
    prediction = blob((24, 26, 28), centre, (5, 5, 8))
    found = compare(label, prediction, (1.0, 1.5, 3.0), 2.0)
    expected = monai_scores(label, prediction, (1.0, 1.5, 3.0), 2.0)
    assert_same((found["dice"], found["nsd"], found["hd95"]), expected)


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
        ours = found["dice"], found["nsd"], found["hd95"]
        assert_same(ours, expected)
