"""Volumes keep their voxels and their place; damaged files are named as such."""

import contextlib
import gzip
import warnings

import nibabel as nib
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from medinorm.errors import GeometryError, ReadError, ScanError
from medinorm.files.nifti import Volume, read_grid, read_volume, write_volume

OBLIQUE = nib.affines.from_matvec(
    nib.eulerangles.euler2mat(0.1, 0.2, 0.3) @ np.diag([1.0, 2.0, 3.0]), [-9, 5, 40]
)


def volume(dtype=np.int16, channels=1, seed=0):
    array = np.random.default_rng(seed).integers(0, 99, (channels, 5, 6, 7))
    return Volume(array.astype(dtype), OBLIQUE)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_round_trip(tmp_path, suffix, dtype, channels):
    path = tmp_path / f"x{suffix}"
    given_volume = volume(dtype, channels)
    write_volume(given_volume, path)
    for mmap in (False, True):
        back = read_volume(path, mmap=mmap)
        assert back.array.dtype == dtype
        np.testing.assert_array_equal(back.array, given_volume.array)
        np.testing.assert_allclose(back.affine, OBLIQUE, atol=1e-5)
    assert read_grid(path).same_grid(given_volume)


def test_nibabel_reads_what_we_write(tmp_path):
    path = tmp_path / "x.nii.gz"
    write_volume(volume(), path)
    image = nib.load(path)
    np.testing.assert_array_equal(image.get_fdata(), volume().array[0])
    assert image.header.get_xyzt_units()[0] == "mm"


def test_the_same_volume_gives_the_same_bytes(tmp_path):
    paths = tmp_path / "a.nii.gz", tmp_path / "b.nii.gz"
    for path in paths:
        write_volume(volume(), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_scaling_is_applied(tmp_path):
    image = nib.Nifti1Image(volume().array[0], OBLIQUE)
    image.header.set_slope_inter(2.0, -5.0)
    path = tmp_path / "x.nii"
    path.write_bytes(image.to_bytes())
    np.testing.assert_allclose(
        read_volume(path).array[0], nib.load(path).get_fdata(), rtol=1e-6
    )


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.98])
def test_truncated_files_say_so_without_their_path(tmp_path, keep):
    for suffix in (".nii", ".nii.gz"):
        path = tmp_path / f"Miller_John{suffix}"
        write_volume(volume(), path)
        content = path.read_bytes()
        path.write_bytes(content[: int(keep * len(content))])
        with pytest.raises(ReadError) as caught:
            read_volume(path)
        assert "Miller" not in str(caught.value)


@settings(deadline=None, max_examples=200)
@example(place=0.05859375, byte=128)  # a negative dimension
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_changed_byte_never_ends_in_another_error(
    tmp_path_factory, suffix, place, byte
):
    path = tmp_path_factory.mktemp("fuzz") / f"x{suffix}"
    write_volume(volume(), path)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] = byte
    path.write_bytes(content)
    with contextlib.suppress(ScanError), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the scaling may overflow
        assert read_volume(path).array.ndim == 4


def test_other_files_are_refused(tmp_path):
    text = tmp_path / "x.nii.gz"
    text.write_bytes(gzip.compress(b"hello " * 100))
    with pytest.raises(ReadError, match="not a NIfTI"):
        read_volume(text)
    with pytest.raises(ReadError, match="does not exist"):
        read_volume(tmp_path / "none.nii")
    flat = tmp_path / "flat.nii"
    flat.write_bytes(nib.Nifti1Image(np.zeros((3, 3)), np.eye(4)).to_bytes())
    with pytest.raises(ReadError, match="2 axes"):
        read_volume(flat)


@pytest.mark.parametrize("unit", ["meter", "micron"])
def test_lengths_that_are_no_millimetres_are_refused(tmp_path, unit):
    image = nib.Nifti1Image(np.zeros((3, 3, 3), np.uint8), np.eye(4))
    image.header.set_xyzt_units(unit)
    path = tmp_path / "x.nii"
    path.write_bytes(image.to_bytes())
    with pytest.raises(GeometryError, match="convert them to mm"):
        read_volume(path)


def test_a_header_without_a_place_is_refused(tmp_path):
    image = nib.Nifti1Image(np.zeros((3, 3, 3), np.uint8), None)
    path = tmp_path / "x.nii"
    path.write_bytes(image.to_bytes())
    with pytest.raises(GeometryError, match="neither sform nor qform"):
        read_volume(path)


@given(shift=st.floats(0, 1))
def test_same_grid_is_a_distance_in_mm(shift):
    here = volume()
    affine = here.affine.copy()
    affine[1, 3] += shift
    assert here.same_grid(Volume(here.array, affine), 0.5) == (shift <= 0.5)


def test_spacing_is_the_distance_of_voxel_centres():
    np.testing.assert_allclose(volume().spacing, (1, 2, 3))
