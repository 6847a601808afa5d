"""Volumes on disk: the same result as in memory, in slabs."""

from typing import get_args

import numpy as np
import pytest

from medinorm.choices import SourceName
from medinorm.errors import IntensityError
from medinorm.intensity import Policy, apply_slabs, fit_instance, fit_thumbnail
from medinorm.intensity.methods import thumbnail_instance as module

RNG = np.random.default_rng(0)
SHAPE = (2, 30, 31, 32)


@pytest.fixture(autouse=True)
def small_slabs(monkeypatch):
    monkeypatch.setattr(module, "_SLAB", 5000)


def on_disk(folder, array, order="C", mode="r"):
    path = folder / f"volume{order}.npy"
    stored = np.lib.format.open_memmap(
        path, "w+", array.dtype, array.shape, fortran_order=order == "F"
    )
    stored[...] = array
    stored.flush()
    return np.load(path, mmap_mode=mode)


def scan(dtype=np.int16):
    array = RNG.normal(300, 60, SHAPE).astype(dtype)
    array[:, :8] = 0
    return array


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
@pytest.mark.parametrize("foreground", ["image", "nonzero", "positive"])
def test_exact_is_what_memory_gives(tmp_path, order, dtype, foreground):
    array = scan(dtype)
    volume = on_disk(tmp_path, array, order)
    fitted = fit_thumbnail(volume, Policy(foreground), source="exact")
    expected = fit_instance(array, Policy(foreground))
    np.testing.assert_allclose(fitted.offset, expected.offset, rtol=1e-12)
    np.testing.assert_allclose(fitted.scale, expected.scale, rtol=1e-12)
    out = np.lib.format.open_memmap(tmp_path / "out.npy", "w+", np.float32, SHAPE)
    apply_slabs(fitted, volume, out)
    out.flush()
    np.testing.assert_allclose(
        np.load(tmp_path / "out.npy"), expected.apply(array), atol=1e-6
    )
    np.testing.assert_array_equal(volume, array)


@pytest.mark.parametrize("source", sorted({*get_args(SourceName)} - {"exact"}))
def test_a_part_is_near(tmp_path, source):
    volume = on_disk(tmp_path, scan())
    fitted = fit_thumbnail(volume, Policy("nonzero"), source=source, size=10)
    exact = fit_thumbnail(volume, Policy("nonzero"), source="exact")
    assert fitted != exact
    np.testing.assert_allclose(fitted.offset, exact.offset, rtol=0.05)
    np.testing.assert_allclose(fitted.scale, exact.scale, rtol=0.1)


def test_a_thumbnail_as_large_as_the_volume_is_exact():
    array = scan()
    fitted = fit_thumbnail(array, Policy("nonzero"), source="thumbnail", size=32)
    exact = fit_instance(array, Policy("nonzero"))
    np.testing.assert_allclose(fitted.offset, exact.offset, rtol=1e-12)


def test_noise_keeps_its_variance():
    """An averaged thumbnail would lose it."""
    noise = RNG.normal(0, 1, (1, 64, 64, 64)).astype(np.float32)
    fitted = fit_thumbnail(noise, Policy("image"), size=16)
    np.testing.assert_allclose(fitted.scale, 1, atol=0.05)


def test_tiles_follow_the_seed():
    array = scan()
    first, same, other = (
        fit_thumbnail(array, Policy("image"), source="tiles", size=8, seed=seed)
        for seed in (1, 1, 2)
    )
    assert first == same != other


def test_otsu_and_background():
    array = scan()
    array[:, :8] = RNG.integers(0, 5, array[:, :8].shape)
    policy = Policy("otsu", background=-3)
    fitted = fit_thumbnail(array, policy, source="exact")
    out = np.empty(SHAPE, dtype=np.float32)
    apply_slabs(fitted, array, out, policy)
    np.testing.assert_array_equal(out[:, :8], -3)
    assert abs(out[:, 8:].mean()) < 0.01
    with pytest.raises(IntensityError, match="give it the foreground"):
        apply_slabs(fitted, array, out)


def test_a_given_mask():
    array, mask = scan(), RNG.random(SHAPE) < 0.3
    fitted = fit_thumbnail(array, Policy("file"), mask, source="exact")
    expected = fit_instance(array, Policy("file"), mask)
    np.testing.assert_allclose(fitted.offset, expected.offset, rtol=1e-12)
    with pytest.raises(IntensityError, match="'file' needs a mask"):
        fit_thumbnail(array, Policy("file"))


def test_nan_is_counted_over_all_slabs():
    array = scan(np.float32)
    array[0, ::10, 0, 0] = np.nan
    array[1, 29, 30, 31] = np.inf
    with pytest.raises(IntensityError, match="3 voxels are NaN and 1 infinite"):
        fit_thumbnail(array, Policy("nonzero"), source="exact")
    policy = Policy("nonzero", nonfinite="ignore")
    fitted = fit_thumbnail(array, policy, source="exact")
    np.testing.assert_allclose(fitted.offset, fit_instance(array, policy).offset)


def test_what_needs_the_whole_volume_is_refused():
    with pytest.raises(IntensityError, match="needs the whole volume"):
        fit_thumbnail(scan(), Policy("otsu", largest=True))
    with pytest.raises(IntensityError, match="no voxel is in the foreground"):
        fit_thumbnail(np.zeros(SHAPE), Policy("nonzero"))


def test_changes_in_a_copy_on_write_map_are_kept(tmp_path):
    volume = on_disk(tmp_path, scan(), mode="c")
    volume[0, 0, 0, 0] = 7777
    fit_thumbnail(volume, Policy("image"), source="exact")
    assert volume[0, 0, 0, 0] == 7777


@pytest.mark.parametrize("outside", [np.nan, np.inf])
def test_what_is_no_number_in_a_given_mask_is_outside(outside):
    array, inside = scan(), RNG.random(SHAPE) < 0.3
    mask = np.where(inside, 1.0, outside)
    fitted = fit_thumbnail(array, Policy("file"), mask, source="exact")
    expected = fit_instance(array, Policy("file"), inside)
    np.testing.assert_allclose(fitted.offset, expected.offset, rtol=1e-12)


@pytest.mark.parametrize("number", [0, -3, 8.5])
@pytest.mark.parametrize("name", ["size", "tiles"])
def test_sizes_are_whole_numbers(name, number):
    with pytest.raises(IntensityError, match=f"{name} must be a whole number above 0"):
        fit_thumbnail(scan(), Policy("image"), **{name: number})
