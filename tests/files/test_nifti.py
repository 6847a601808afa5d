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
from medinorm.files.nifti import (
    Volume,
    read_grid,
    read_unplaced_volume,
    read_volume,
    write_volume,
)
from medinorm.files.places import is_singular

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


@pytest.mark.parametrize(
    ("scaling", "dtype", "read"),
    [
        ((2.0, -5.0), np.int16, np.float32),
        ((1.0, -1024.0), np.int16, np.float32),
        ((0.01, 1e6), np.int16, np.float64),
        ((1.0, 1e6), np.float64, np.float64),
    ],
)
def test_a_contrast_beside_a_large_intercept_is_not_rounded_away(
    tmp_path, scaling, dtype, read
):
    image = nib.Nifti1Image(volume().array[0].astype(dtype), OBLIQUE)
    image.header.set_slope_inter(*scaling)
    path = tmp_path / "x.nii"
    path.write_bytes(image.to_bytes())
    array = read_volume(path).array
    assert array.dtype == read
    values = len(np.unique(volume().array))
    assert len(np.unique(array)) == values


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


@given(
    scale=st.sampled_from([8e-4, 1.0, 50.0]),
    axis=st.integers(0, 2),
    shift=st.floats(0, 1).filter(lambda shift: abs(shift - 0.5) > 1e-6),
)
def test_same_grid_is_a_distance_in_voxels(scale, axis, shift):
    affine = np.diag([scale] * 3 + [1.0]) @ OBLIQUE
    here, moved = Volume(volume().array, affine), affine.copy()
    moved[:3, 3] += shift * affine[:3, axis]
    assert here.same_grid(Volume(here.array, moved), 0.5) == (shift <= 0.5)


def test_spacing_is_the_distance_of_voxel_centres():
    np.testing.assert_allclose(volume().spacing, (1, 2, 3))


def write(path, array, *, sform=None, qform=None, kind=nib.Nifti1Image, **header):
    """A NIfTI file with these transforms; a code of 0 where there is none."""
    affine = np.eye(4) if sform is None else sform
    image = kind(array, affine if qform is None else qform)
    image.header.set_xyzt_units("mm")
    image.set_qform(qform, code=0 if qform is None else 1)
    image.set_sform(sform, code=0 if sform is None else 1)
    for key, value in header.items():
        image.header[key] = value
    path.write_bytes(image.to_bytes())
    return path


ARRAY = volume().array[0]
TURNED = nib.affines.from_matvec(nib.eulerangles.euler2mat(0, 0, 0.5))
MIRRORED = np.diag([-1.0, 1, 1, 1])
WIDE = np.diag([1.25, 1, 1, 1])


@pytest.mark.parametrize("name", ["x.nii.gz", "x.nii", "X.NII.GZ", "X.NII", "x.img"])
@pytest.mark.parametrize("compressed", [False, True])
def test_content_says_whether_a_file_is_compressed(tmp_path, name, compressed):
    content = write(tmp_path / "a", ARRAY, sform=OBLIQUE).read_bytes()
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if compressed else content)
    np.testing.assert_array_equal(read_volume(path).array[0], ARRAY)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_both_versions_and_byte_orders_are_read(tmp_path, kind, order):
    image = kind(ARRAY, OBLIQUE)
    header = image.header.as_byteswapped(order)
    path = tmp_path / "x.nii"
    path.write_bytes(kind(ARRAY, OBLIQUE, header).to_bytes())
    back = read_volume(path)
    np.testing.assert_array_equal(back.array[0], ARRAY)
    np.testing.assert_allclose(back.affine, OBLIQUE, atol=1e-5)


@pytest.mark.parametrize(
    ("extra", "channels"),
    [((1,), 1), ((1, 1), 1), ((1, 1, 1, 1), 1), ((1, 2), 2), ((2, 1), 2)],
)
def test_empty_axes_are_left_out(tmp_path, extra, channels):
    array = np.stack([ARRAY] * channels, -1).reshape(*ARRAY.shape, *extra)
    back = read_volume(write(tmp_path / "x.nii", array, sform=OBLIQUE))
    np.testing.assert_array_equal(back.array, np.stack([ARRAY] * channels))


def test_a_single_slice_keeps_its_third_axis(tmp_path):
    array = ARRAY[:, :, :1, np.newaxis]
    back = read_volume(write(tmp_path / "x.nii", array, sform=OBLIQUE))
    assert back.grid == (5, 6, 1)


@pytest.mark.parametrize(
    ("sform", "qform", "what"),
    [
        (np.eye(4), WIDE, r"voxels of 1x1x1 and 1.25x1x1 mm"),
        (np.eye(4), TURNED, "turned"),
        (np.eye(4), MIRRORED, "mirrored"),
        (np.eye(4), nib.affines.from_matvec(np.eye(3), [9, 0, 0]), "moved"),
    ],
)
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_transforms_that_contradict_are_refused(tmp_path, sform, qform, what, kind):
    path = write(tmp_path / "x.nii", ARRAY, sform=sform, qform=qform, kind=kind)
    with pytest.raises(
        GeometryError, match=rf"sform and qform contradict each other \({what}\)"
    ):
        read_volume(path)
    found = read_unplaced_volume(path)
    assert [place.source for place in found.places] == ["sform", "qform"]
    np.testing.assert_allclose(found.places[1].affine, qform, atol=1e-6)


def test_voxel_sizes_that_contradict_the_sform_are_refused(tmp_path):
    sizes = [1, 0.8, 0.8, 0.8, 1, 1, 1, 1]
    path = write(tmp_path / "x.nii", ARRAY, sform=np.eye(4), pixdim=sizes)
    with pytest.raises(GeometryError, match="sform and pixdim contradict"):
        read_volume(path)


@pytest.mark.parametrize(
    "pixdim",
    [
        pytest.param([0, 1, 2, 3, 1, 1, 1, 1], id="qfac 0"),
        pytest.param([1, -1, 2, -3, 1, 1, 1, 1], id="negative"),
        pytest.param([1, 0, 0, 0, 0, 0, 0, 0], id="none"),
        pytest.param([1, 1.004, 2, 3, 1, 1, 1, 1], id="rounded"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_odd_voxel_sizes_beside_a_sform_are_no_contradiction(tmp_path, pixdim):
    path = write(tmp_path / "x.nii", ARRAY, sform=np.diag([1.0, 2, 3, 1]))
    content = bytearray(path.read_bytes())
    content[76:108] = np.array(pixdim, "<f4").tobytes()
    path.write_bytes(content)
    assert read_volume(path).spacing == (1, 2, 3)


def test_a_qform_without_voxel_sizes_is_refused(tmp_path):
    path = write(tmp_path / "x.nii", ARRAY, qform=np.eye(4))
    content = bytearray(path.read_bytes())
    content[80:92] = bytes(12)
    path.write_bytes(content)
    with pytest.raises(GeometryError, match="voxel sizes are 0"):
        read_volume(path)


@given(
    angles=st.tuples(*[st.floats(-3.15, 3.15)] * 3),
    sizes=st.tuples(*[st.floats(0.3, 6)] * 3),
)
def test_a_qform_of_single_precision_does_not_contradict(
    tmp_path_factory, angles, sizes
):
    matrix = nib.eulerangles.euler2mat(*angles) @ np.diag(sizes)
    affine = nib.affines.from_matvec(matrix, [-99, 120, -77])
    path = tmp_path_factory.mktemp("q") / "x.nii"
    write(path, np.zeros((300, 3, 200), np.uint8), sform=affine, qform=affine)
    assert not read_unplaced_volume(path).places


@pytest.mark.parametrize("size", [8e-7, 8e-4, 1.0, 40.0])
def test_small_voxels_are_not_singular(tmp_path, size):
    affine = np.diag([size, size, 3 * size, 1])
    path = write(tmp_path / "x.nii", ARRAY, sform=affine, qform=affine)
    np.testing.assert_allclose(read_volume(path).spacing, (size, size, 3 * size))


@pytest.mark.parametrize(
    "matrix", [np.zeros((3, 3)), [[1, 1, 0], [1, 1, 0], [0, 0, 1]], np.full((3, 3), 7)]
)
def test_axes_that_span_no_space_are_refused(tmp_path, matrix):
    path = write(tmp_path / "x.nii", ARRAY)
    image = nib.Nifti1Image(ARRAY, np.eye(4))
    image.header["sform_code"] = 1
    for row, name in enumerate(("srow_x", "srow_y", "srow_z")):
        image.header[name] = [*np.asarray(matrix)[row], 0]
    content = bytearray(image.to_bytes())
    content[254:256] = (1).to_bytes(2, "little")
    content[280:328] = np.c_[matrix, np.zeros(3)].astype("<f4").tobytes()
    path.write_bytes(content)
    with pytest.raises(GeometryError, match="singular"):
        read_volume(path)


@pytest.mark.parametrize("slope", [0.0, np.nan])
def test_a_slope_that_is_none_scales_nothing(tmp_path, slope):
    path = write(tmp_path / "x.nii", ARRAY, sform=OBLIQUE)
    content = bytearray(path.read_bytes())
    content[112:116] = np.array([slope], "<f4").tobytes()
    path.write_bytes(content)
    back = read_volume(path)
    assert back.array.dtype == np.int16
    np.testing.assert_array_equal(back.array[0], ARRAY)


@pytest.mark.parametrize("magic", [b"ni1\0", b"\0\0\0\0"])
@pytest.mark.parametrize("name", ["x.hdr", "x.HDR"])
def test_a_pair_of_files_is_told(tmp_path, magic, name):
    content = bytearray(write(tmp_path / "a", ARRAY, sform=OBLIQUE).read_bytes()[:348])
    content[344:348] = magic
    (tmp_path / name).write_bytes(content)
    (tmp_path / "x.img").write_bytes(ARRAY.tobytes())
    for path in (tmp_path / name, tmp_path / "x.img"):
        with pytest.raises(ReadError, match=r"one of two files \(.hdr and .img\)"):
            read_volume(path)


@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from(["u1", "<i2", ">i2", "i4", "u2", "f4", ">f8"]),
    shape=st.tuples(*[st.integers(1, 5)] * 4),
    order=st.sampled_from("CF"),
    cells=st.lists(st.floats(-50, 50), min_size=9, max_size=9),
)
def test_headers_and_voxels_are_those_that_nibabel_writes(
    tmp_path_factory, kind, shape, order, cells
):
    affine = nib.affines.from_matvec(np.reshape(cells, (3, 3)), [-9, 5, 4e4])
    if is_singular(affine):
        return
    array = np.asarray(np.arange(np.prod(shape)).reshape(shape), kind, order=order)
    path = tmp_path_factory.mktemp("x") / "x.nii"
    write_volume(Volume(array, affine), path)
    voxels = np.moveaxis(array, 0, -1)
    image = nib.Nifti1Image(voxels[..., 0] if shape[0] == 1 else voxels, affine)
    image.header.set_xyzt_units("mm")
    code = int(nib.load(path).header["qform_code"])
    image.set_qform(affine, code=code)
    image.set_sform(affine, code=1)
    assert path.read_bytes() == image.to_bytes()


def test_large_volumes_are_written_slice_by_slice(tmp_path):
    array = np.random.default_rng(0).integers(0, 9, (2, 300, 200, 50), np.uint8)
    for name in ("x.nii", "x.nii.gz"):
        write_volume(Volume(array, OBLIQUE), tmp_path / name)
        back = read_volume(tmp_path / name)
        np.testing.assert_array_equal(back.array, array)
