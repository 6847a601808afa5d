import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.config import IngestConfig, InputConfig
from medinorm.errors import GeometryError, IntensityError, LabelError
from medinorm.files.nifti import Volume
from medinorm.ingest.convert.checks import (
    check_image,
    check_labels,
    note_rounding,
    on_grid_of,
)

AFFINE = np.array(
    [[0.9, 0.1, 0, 5], [-0.1, 0.9, 0.2, -7], [0, -0.2, 1.8, 3], [0, 0, 0, 1.0]]
)
ARRAY = np.arange(4 * 5 * 6).reshape(1, 4, 5, 6)


def study(*values, **settings):
    """A study with labels of these values."""
    return InputConfig(label_values={v: f"label {v}" for v in values}, **settings)


REFERENCE = Volume(ARRAY, AFFINE)


@given(
    axes=st.permutations(range(3)),
    flips=st.lists(st.booleans(), min_size=3, max_size=3),
)
def test_any_order_and_sense_of_axes_is_turned_back(axes, flips):
    array, affine = ARRAY, AFFINE.copy()
    for axis, flip in enumerate(flips):
        if flip:
            array = np.flip(array, axis + 1)
            affine[:3, 3] += affine[:3, axis] * (array.shape[axis + 1] - 1)
            affine[:3, axis] *= -1
    array = array.transpose(0, *(axis + 1 for axis in axes))
    affine = affine[:, [*axes, 3]]
    turned = on_grid_of(REFERENCE, Volume(array, affine), 1e-6)
    np.testing.assert_array_equal(turned.array, ARRAY)
    np.testing.assert_array_equal(turned.affine, AFFINE)


def test_grids_within_tolerance_count_as_the_same():
    moved = AFFINE.copy()
    moved[0, 3] += 0.009
    assert on_grid_of(REFERENCE, Volume(ARRAY, moved), 0.01)
    moved[0, 3] += 0.002
    with pytest.raises(GeometryError, match="corners lie more than"):
        on_grid_of(REFERENCE, Volume(ARRAY, moved), 0.01)


def test_flat_float_images_are_empty():
    # The standard deviation of many flat float32 arrays is not zero.
    flat = np.full((1, 20, 20, 20), 0.1, np.float32)
    with pytest.raises(IntensityError, match="same value"):
        check_image(Volume(flat, np.eye(4)), 16)


def image_of(values, dtype):
    """An image of 8x8x8 voxels with these values in turn."""
    array = np.resize(np.array(values, dtype), (1, 8, 8, 8))
    return Volume(array, np.eye(4))


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (1e6 + np.arange(99) * 1e-3, np.float64),
        (-1e6 - np.arange(99) * 1e-3, np.float64),
        (3e4 + np.random.default_rng(0).normal(0, 1e-3, 500), np.float64),
        (2**31 + np.arange(99), np.uint32),
        (2**40 + np.arange(99), np.int64),
        (2**63 + np.arange(99, dtype=np.uint64), np.uint64),
    ],
)
def test_a_contrast_that_single_precision_loses_is_refused(values, dtype):
    with pytest.raises(IntensityError, match="cannot hold the contrast; subtract"):
        check_image(image_of(values, dtype), 2)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1e6, 1e6 + 1], np.float64),
        (1e6 + np.arange(99), np.float64),
        (1e-30 * np.arange(99), np.float64),
        (np.random.default_rng(0).normal(1000, 1, 500), np.float64),
        (2**25 + 2**9 * np.arange(99), np.uint32),
        ([-(2**63), 2**63 - 1], np.int64),
        (np.arange(99), np.int64),
    ],
)
def test_a_contrast_that_single_precision_holds_is_kept(values, dtype):
    volume = image_of(values, dtype)
    kept = check_image(volume, 2).array
    assert kept.dtype == np.float32
    contrast = np.ptp(volume.array.astype(np.float64))
    np.testing.assert_allclose(kept, volume.array, rtol=0, atol=contrast / 256)


def test_a_flat_image_in_double_precision_is_empty():
    flat = 0.1 + np.array([0, 1e-17, 2e-17, 9e-17])
    with pytest.raises(IntensityError, match="same value"):
        check_image(image_of(flat, np.float64), 2)


def test_the_whole_range_of_a_type_is_a_contrast():
    assert check_image(image_of([-128, 127], np.int8), 2).array.dtype == np.int8


@pytest.mark.parametrize(
    ("top", "dtype", "noted"),
    [
        (2**24, np.uint32, False),
        (2**24 + 1, np.uint32, True),
        (-(2**24) - 1, np.int64, True),
        (2**24 + 1, np.int32, False),  # stays as it is
        (2**24 + 1, np.float64, False),
    ],
)
def test_whole_numbers_that_are_rounded_are_noted(top, dtype, noted):
    volume = image_of([0, top], dtype)
    notes = note_rounding(volume.array)
    assert bool(notes) == noted
    assert not notes or "above 16777216 rounded" in notes[0]


def test_one_flat_channel_of_several_is_found():
    channels = np.stack([np.arange(8000).reshape(20, 20, 20), np.zeros((20, 20, 20))])
    with pytest.raises(IntensityError, match="same value"):
        check_image(Volume(channels, np.eye(4)), 16)


def test_booleans_become_numbers():
    array = np.arange(8000).reshape(1, 20, 20, 20) % 2 == 0
    assert check_image(Volume(array, np.eye(4)), 16).array.dtype == np.uint8


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_may_be_left_to_harmonize(hole):
    array = np.arange(8000, dtype=np.float32).reshape(1, 20, 20, 20)
    array[0, :, :5] = hole
    with pytest.raises(IntensityError, match=r"set harmonize\.nonfinite to ignore"):
        check_image(Volume(array, np.eye(4)), 5)
    checked = check_image(Volume(array, np.eye(4)), 5, "ignore")
    np.testing.assert_array_equal(checked.array, array)
    with pytest.raises(IntensityError, match="no voxel is a finite number"):
        check_image(Volume(array[:, :, :5], np.eye(4)), 5, "ignore")
    array[np.isfinite(array)] = 7
    with pytest.raises(IntensityError, match="same value"):
        check_image(Volume(array, np.eye(4)), 5, "ignore")


def test_ten_slices_are_a_volume_and_three_are_a_localizer():
    cine = Volume(np.arange(4000).reshape(1, 20, 20, 10), np.eye(4))
    assert check_image(cine, IngestConfig().min_voxels)
    localizer = cine.with_array(cine.array[..., :3])
    with pytest.raises(GeometryError, match=r"3 voxels, fewer than ingest\.min_voxels"):
        check_image(localizer, IngestConfig().min_voxels)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("error", [1e-7, -1e-7, 4e-4, -4e-4])
def test_label_values_within_rounding_are_whole(dtype, error):
    labels = np.arange(64).reshape(1, 4, 4, 4) % 4
    rounded = (labels * (1 + error / 3)).astype(dtype)
    checked = check_labels(Volume(rounded, np.eye(4)), study(1, 2, 3))
    np.testing.assert_array_equal(checked.array, labels)
    assert checked.array.dtype == np.uint8


@pytest.mark.parametrize("wrong", [0.5, 0.01, np.nan, np.inf])
def test_other_label_values_are_refused(wrong):
    labels = np.ones((1, 4, 4, 4), np.float32)
    labels[0, 0, 0, 0] = wrong
    with pytest.raises(LabelError, match="not whole numbers"):
        check_labels(Volume(labels, np.eye(4)), study(1))


def checked(values, **settings):
    """Label values after the check, and what a study says about them."""
    source = InputConfig(**settings)
    array = np.array(values).reshape(1, 1, 1, -1)
    return check_labels(Volume(array, np.eye(4)), source).array.ravel().tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32, ">i2"])
def test_several_values_are_one_label(dtype):
    values = np.array([0, 1, 2, 3, 2, 1], dtype)
    names = {"lesion": [1, 2], "cyst": [3]}
    assert checked(values, label_values=names) == [0, 1, 1, 3, 1, 1]
    names = {2: "lesion", 3: "cyst", 1: "lesion"}
    assert checked(values, label_values=names) == [0, 2, 2, 3, 2, 2]


def test_values_that_no_byte_holds_are_numbered():
    names = {"hippocampus": [17, 53], "cortex": [1001, 2035], "white": [2, 41]}
    assert checked([0, 53, 17, 2035, 41, 1001], label_values=names) == [
        0,
        1,
        1,
        2,
        3,
        2,
    ]


@pytest.mark.parametrize("values", [[0, 1, 9, -3], [0, 1, 9, 30_000]])
def test_other_values_are_refused_or_background(values):
    with pytest.raises(LabelError, match="others to background"):
        checked(values, label_values={1: "one"})
    kept = checked(values, label_values={1: "one"}, others="background")
    assert kept == [0, 1, 0, 0]


@pytest.mark.parametrize("value", [255, -1, 4, 65535])
def test_ignored_voxels_get_one_value(value):
    values = [0, 1, value, 4] if value != 4 else [0, 1, 4, 1]
    names = {1: "one"} if value == 4 else {1: "one", 4: "four"}
    settings = {"label_values": names, "ignore": value}
    assert checked(values, **settings) == [0, 1, 255, values[3]]
    with pytest.raises(LabelError, match="has values 9"):
        checked([*values, 9], **settings)


def test_an_ignored_value_is_never_that_of_a_label():
    settings = {"label_values": {255: "a", 254: "b"}, "ignore": [7, 9]}
    assert InputConfig(**settings).ignored == 253
    assert checked([255, 254, 7, 9, 0], **settings) == [255, 254, 253, 253, 0]


def test_a_label_map_without_labels_is_data():
    assert checked([0, 0], label_values={1: "lesion"}) == [0, 0]
    assert checked([0, 5], label_values={1: "a"}, others="background") == [0, 0]
