"""Labels keep their volume on another grid, whatever their number."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medinorm.files.nifti import Volume
from medinorm.harmonize import label_shares
from medinorm.harmonize.label_shares import resample_by_share, weigh_axis
from medinorm.harmonize.spatial import resample_labels


def resampled(labels, spacing, own=1.0):
    volume = Volume(np.asarray(labels)[np.newaxis], np.diag([own] * 3 + [1.0]))
    return resample_labels(volume, (spacing,) * 3).array[0]


def balls(radius, seed=0, value=1):
    """27 balls whose centres lie anywhere in a voxel."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((48, 48, 48), np.uint8)
    places = np.indices(labels.shape).transpose(1, 2, 3, 0)
    for corner in np.ndindex(3, 3, 3):
        centre = 8 + 16 * np.array(corner) + rng.uniform(-2, 2, 3)
        labels[np.linalg.norm(places - centre, axis=-1) <= radius] = value
    return labels


@pytest.mark.parametrize("radius", [2, 2.5, 3, 4])
@pytest.mark.parametrize("spacing", [0.7, 1.5, 2.0, 2.5, 3.0])
@pytest.mark.parametrize("value", [1, 200])
def test_small_balls_keep_their_volume(radius, spacing, value):
    labels = balls(radius, value=value)
    new = resampled(labels, spacing)
    assert set(np.unique(new)) == {0, value}
    before, after = np.count_nonzero(labels), np.count_nonzero(new) * spacing**3
    assert after == pytest.approx(before, rel=0.03)


@pytest.mark.parametrize("radius", [2, 3, 4])
def test_volume_is_kept_over_many_scans_of_one_ball(radius):
    places = np.indices((16, 16, 16)).transpose(1, 2, 3, 0)
    before = after = 0
    for seed in range(200):
        centre = 8 + np.random.default_rng(seed).uniform(-2, 2, 3)
        labels = (np.linalg.norm(places - centre, axis=-1) <= radius).astype(np.uint8)
        before += np.count_nonzero(labels)
        after += 8 * np.count_nonzero(resampled(labels, 2.0))
    assert after == pytest.approx(before, rel=0.03)


@pytest.mark.parametrize("width", [1, 2, 3, 5])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("values", [(1, 2), (0, 1), (2, 1), (7, 200)])
def test_stripes_of_two_labels_come_out_equal(width, axis, values):
    stripe = np.arange(60) // width % 2
    labels = np.array(values, np.uint8)[stripe]
    labels = np.moveaxis(np.broadcast_to(labels, (12, 12, 60)), 2, axis)
    new = resampled(labels, 2.0)
    counts = [np.count_nonzero(new == value) for value in values]
    before = [np.count_nonzero(labels == value) / 8 for value in values]
    np.testing.assert_allclose(counts, before, atol=1)


@pytest.mark.parametrize("spacing", [1.5, 2.0, 3.0])
def test_thin_structures_keep_their_volume(spacing):
    labels = np.zeros((48, 48, 48), np.uint8)
    labels[17] = 1  # a sheet
    labels[30:32, 20, :] = 2  # a vessel
    labels[np.arange(48), np.arange(48), 40] = 3  # an oblique one
    new = resampled(labels, spacing)
    for value in (1, 2, 3):
        before = np.count_nonzero(labels == value)
        after = np.count_nonzero(new == value) * spacing**3
        assert after == pytest.approx(before, rel=0.05, abs=spacing**3)


def test_a_label_never_comes_where_it_had_no_share():
    labels = balls(3)
    new = resampled(labels, 2.0)
    blocks = labels.reshape(24, 2, 24, 2, 24, 2).max(axis=(1, 3, 5))
    assert not (new > blocks).any()


def test_the_larger_share_wins_where_no_volume_is_lost():
    labels = np.zeros((6, 4, 4), np.uint8)
    labels[:2], labels[2:] = 1, 2
    labels[0, 0, 0], labels[2, 0, 0] = 2, 1
    new = resampled(labels, 2.0)
    assert (new == np.array([1, 2, 2])[:, np.newaxis, np.newaxis]).all()


@settings(deadline=None, max_examples=60)
@given(
    shape=st.tuples(*[st.integers(1, 9)] * 3),
    spacing=st.tuples(*[st.floats(0.4, 4)] * 3),
    labels=st.integers(1, 6),
    seed=st.integers(0, 99),
)
def test_any_grid_gives_labels_that_were_there(shape, spacing, labels, seed):
    array = np.random.default_rng(seed).integers(0, labels + 1, shape, dtype=np.uint8)
    volume = Volume(array[np.newaxis], np.eye(4))
    new = resample_labels(volume, spacing)
    assert set(np.unique(new.array)) <= set(np.unique(array))
    assert new.array.dtype == np.uint8
    weights = weigh_axis(shape[0], new.grid[0], spacing[0]).weights
    np.testing.assert_allclose(weights.sum(axis=0), 1, rtol=1e-5)


def test_the_result_is_always_the_same():
    noise = np.random.default_rng(0).integers(0, 5, (20, 20, 20), dtype=np.uint8)
    np.testing.assert_array_equal(resampled(noise, 1.7), resampled(noise, 1.7))


def test_many_labels_need_little_memory():
    blocks = np.indices((80, 80, 80)) // 8
    labels = ((blocks[0] * 100 + blocks[1] * 10 + blocks[2]) % 150).astype(np.uint8)
    weights = [weigh_axis(80, 40, 2.0)] * 3
    tracemalloc.start()
    new = resample_by_share(labels, weights)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60 * labels.nbytes
    assert len(np.unique(new)) == 150


@pytest.mark.parametrize("spacing", [0.8, 1.3, 2.0])
def test_both_ways_to_find_shares_agree(monkeypatch, spacing):
    blocks = np.random.default_rng(0).integers(0, 5, (8, 8, 8), dtype=np.uint8)
    labels = blocks.repeat(3, 0).repeat(3, 1).repeat(3, 2)
    one = resampled(labels, spacing)
    monkeypatch.setattr(label_shares, "_FEW", 0)
    other = resampled(labels, spacing)
    # Ties may fall otherwise: shares are summed in another order.
    assert np.mean(one == other) > 0.99
    np.testing.assert_allclose(np.bincount(one.flat), np.bincount(other.flat), atol=2)


def test_other_data_types_stay():
    labels = balls(3).astype(np.float32)
    new = resampled(labels, 2.0)
    assert new.dtype == np.float32
    np.testing.assert_array_equal(new, resampled(labels.astype(np.uint8), 2.0))


@pytest.mark.parametrize("rows", [1, 2, 3, 8, 12, 27, 36])
def test_columns_are_sorted(rows):
    keys = np.random.default_rng(rows).integers(0, 9, (rows, 200))
    expected = np.sort(keys, axis=0)
    label_shares._sort_columns(keys)
    np.testing.assert_array_equal(keys, expected)


@pytest.mark.parametrize("largest", [200, 70_000, 2**33])
def test_large_values_are_labels_like_small_ones(largest):
    blocks = np.random.default_rng(0).integers(0, 4, (5, 5, 5)).repeat(3, axis=0)
    weights = [weigh_axis(size, round(size / 0.8), 0.8) for size in blocks.shape]
    mixed = np.ones([len(along.first) for along in weights], dtype=bool)
    names = np.array([0, 1, 2, largest])
    small, large = (
        label_shares._voxel_by_voxel(labels, weights, mixed)
        for labels in (blocks, names[blocks])
    )
    np.testing.assert_array_equal(names[small[1]], large[1])
    np.testing.assert_array_equal(small[2], large[2])
