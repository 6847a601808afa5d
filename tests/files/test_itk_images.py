"""NRRD and MetaImage: voxels, place and channels as SimpleITK wrote them."""

import contextlib
import warnings

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel.affines import from_matvec

from medinorm.errors import GeometryError, ReadError, ScanError
from medinorm.files.formats import files_of_image, read_image

ARRAY = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)
COSINES = np.array([[0.8, 0.6, 0], [-0.6, 0.8, 0], [0, 0, 1]])
SPACING = (1.0, 2.0, 3.0)
ORIGIN = (10.0, 20.0, 30.0)
# LPS+ to RAS+: the first two rows change their sign.
AFFINE = np.diag([-1.0, -1, 1, 1]) @ from_matvec(COSINES * SPACING, ORIGIN)


def itk_image(array=ARRAY):
    """An ITK image of an array of shape (X, Y, Z) or (C, X, Y, Z)."""
    vector = array.ndim == 4
    image = sitk.GetImageFromArray(array.T, isVector=vector)
    image.SetSpacing(SPACING)
    image.SetOrigin(ORIGIN)
    image.SetDirection(COSINES.ravel().tolist())
    return image


def write(path, array=ARRAY, *, compress=False):
    sitk.WriteImage(itk_image(array), str(path), useCompression=compress)
    return path


def edit(path, old, new):
    """Change the text of a header."""
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    return path


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".mhd"])
@pytest.mark.parametrize("compress", [False, True])
def test_voxels_and_place_are_those_that_were_written(tmp_path, suffix, compress):
    path = write(tmp_path / f"x{suffix}", compress=compress)
    volume = read_image(path)
    np.testing.assert_array_equal(volume.array, ARRAY[np.newaxis])
    np.testing.assert_allclose(volume.affine, AFFINE, atol=1e-6)
    assert volume.array.dtype == np.int16
    assert not volume.places


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_channels_come_first(tmp_path, suffix, dtype):
    channels = np.stack([ARRAY, ARRAY + 1]).astype(dtype)
    volume = read_image(write(tmp_path / f"x{suffix}", channels))
    np.testing.assert_array_equal(volume.array, channels)
    assert volume.array.dtype == dtype


def test_the_fourth_axis_is_the_channel(tmp_path):
    series = sitk.JoinSeries([itk_image(), itk_image(ARRAY + 1)])
    for suffix in (".nrrd", ".mha"):
        sitk.WriteImage(series, str(tmp_path / f"x{suffix}"))
        volume = read_image(tmp_path / f"x{suffix}")
        np.testing.assert_array_equal(volume.array, [ARRAY, ARRAY + 1])
        np.testing.assert_allclose(volume.affine, AFFINE, atol=1e-6)


def test_names_in_capitals(tmp_path):
    for suffix in (".nrrd", ".mha"):
        path = write(tmp_path / f"x{suffix}").rename(tmp_path / f"X{suffix.upper()}")
        assert (read_image(path).array == ARRAY).all()


def test_the_space_of_a_nrrd_counts(tmp_path):
    path = write(tmp_path / "x.nrrd")
    edit(path, b"left-posterior-superior", b"right-anterior-superior")
    np.testing.assert_allclose(
        read_image(path).affine, np.diag([-1, -1, 1, 1]) @ AFFINE, atol=1e-6
    )


@pytest.mark.parametrize(("unit", "fine"), [("mm", True), ("um", False), ("m", False)])
def test_units_of_a_nrrd_are_millimetres(tmp_path, unit, fine):
    path = write(tmp_path / "x.nrrd")
    edit(
        path,
        b"\n\n",
        b"\nspace units: %s\n\n" % b" ".join([b'"%s"' % unit.encode()] * 3),
    )
    if fine:
        assert (read_image(path).array == ARRAY).all()
    else:
        with pytest.raises(GeometryError, match="not in mm"):
            read_image(path)


def test_a_nrrd_without_space_has_no_certain_place(tmp_path):
    header = (
        "NRRD0004\ntype: short\ndimension: 3\nsizes: 5 6 7\nspacings: 1 2 3\n"
        "endian: little\nencoding: raw\n\n"
    )
    path = tmp_path / "x.nrrd"
    path.write_bytes(header.encode() + ARRAY.tobytes(order="F"))
    volume = read_image(path)
    np.testing.assert_array_equal(volume.array[0], ARRAY)
    assert volume.spacing == SPACING
    assert [place.source for place in volume.places] == ["pixdim"]


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".mhd"])
@pytest.mark.parametrize("keep", [0.01, 0.3, 0.6, 0.95])
def test_truncated_files_say_so_without_their_path(tmp_path, capfd, suffix, keep):
    path = write(tmp_path / f"Miller{suffix}")
    short = path.with_suffix(".raw") if suffix == ".mhd" else path
    content = short.read_bytes()
    short.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(ReadError) as caught:
        read_image(path)
    assert "Miller" not in str(caught.value) + "".join(capfd.readouterr())


@settings(deadline=None, max_examples=150)
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".mhd"])
def test_a_changed_byte_never_ends_in_another_error(
    tmp_path_factory, suffix, place, byte
):
    path = write(tmp_path_factory.mktemp("fuzz") / f"x{suffix}", ARRAY[:2, :2, :2])
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] = byte
    path.write_bytes(content)
    with contextlib.suppress(ScanError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert read_image(path).array.ndim == 4


def test_a_missing_file_is_told(tmp_path):
    for suffix in (".nrrd", ".mha", ".mhd"):
        with pytest.raises(ReadError, match="does not exist"):
            read_image(tmp_path / f"x{suffix}")


def test_files_of_another_kind_are_refused(tmp_path):
    for suffix in (".nrrd", ".mha"):
        path = tmp_path / f"x{suffix}"
        path.write_text("hello " * 100)
        with pytest.raises(ReadError, match=r"not a (NRRD|MetaImage)"):
            read_image(path)


def test_a_header_and_its_voxels_are_one_image(tmp_path):
    path = write(tmp_path / "x.mhd")
    assert files_of_image(path) == [path, tmp_path / "x.raw"]
    assert files_of_image(write(tmp_path / "y.mha")) == [tmp_path / "y.mha"]
    assert files_of_image(tmp_path / "none.mhd") == [tmp_path / "none.mhd"]
    (tmp_path / "x.raw").unlink()
    with pytest.raises(ReadError, match="not beside it"):
        files_of_image(path)


@pytest.mark.parametrize("name", ["../x.raw", "/etc/passwd", "LIST", "x%03d.raw 1 7 1"])
def test_voxels_from_elsewhere_are_not_read(tmp_path, name):
    path = write(tmp_path / "x.mhd")
    edit(path, b"ElementDataFile = x.raw", f"ElementDataFile = {name}".encode())
    with pytest.raises(ReadError, match=r"save it as one \.mha"):
        read_image(path)


def test_a_nrrd_with_its_voxels_elsewhere_is_told(tmp_path):
    write(tmp_path / "x.nhdr")
    path = (tmp_path / "x.nhdr").rename(tmp_path / "x.nrrd")
    with pytest.raises(ReadError, match=r"save it as one \.nrrd"):
        read_image(path)


def test_flat_images_are_refused(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(ARRAY[0]), str(tmp_path / "x.mha"))
    with pytest.raises(ReadError, match="2 axes"):
        read_image(tmp_path / "x.mha")


def meta_image(path, **changes):
    """A MetaImage with these fields in place of the usual ones; ``None`` is none."""
    fields = {
        "ObjectType": "Image",
        "NDims": "3",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": "10 20 30",
        "ElementSpacing": "1 2 3",
        "DimSize": "5 6 7",
        "ElementType": "MET_SHORT",
    }
    fields |= changes | {"ElementDataFile": "LOCAL"}
    lines = [f"{name} = {value}\n" for name, value in fields.items() if value]
    path.write_bytes("".join(lines).encode() + ARRAY.tobytes(order="F"))
    return path


@pytest.mark.parametrize(
    ("changes", "certain"),
    [
        ({}, True),
        ({"TransformMatrix": None, "Orientation": "1 0 0 0 1 0 0 0 1"}, True),
        ({"Offset": None, "Position": "10 20 30"}, True),
        ({"TransformMatrix": None}, False),
        ({"TransformMatrix": None, "AnatomicalOrientation": "RAI"}, False),
        ({"Offset": None}, False),
    ],
)
def test_a_meta_image_without_directions_or_origin_has_no_certain_place(
    tmp_path, changes, certain
):
    volume = read_image(meta_image(tmp_path / "x.mha", **changes))
    np.testing.assert_array_equal(volume.array[0], ARRAY)
    assert volume.spacing == SPACING
    assert [place.source for place in volume.places] == ["pixdim"] * (not certain)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"ElementSpacing": "1 2 -3"}, "voxel sizes are negative; make them"),
        ({"ElementSpacing": "1 0 3"}, "voxel sizes are 0 or not finite; repair"),
        ({"ElementSpacing": "1 inf 3"}, "voxel sizes are 0 or not finite; repair"),
        ({"ElementSpacing": None}, "no voxel sizes; add them"),
        ({"ElementSpacing": None, "ElementSize": "1 -2 3"}, "sizes are negative"),
        ({"DistanceUnits": "um"}, "not in mm; convert"),
        ({"DistanceUnits": "cm"}, "not in mm; convert"),
        ({"TransformMatrix": "1 0 0 1 0 0 0 0 1"}, "affine is singular"),
    ],
)
def test_sizes_and_units_of_a_meta_image_are_not_taken_blindly(
    tmp_path, changes, problem
):
    with pytest.raises(GeometryError, match=problem):
        read_image(meta_image(tmp_path / "x.mha", **changes))


@pytest.mark.parametrize("unit", ["mm", "MM", "?"])
def test_millimetres_of_a_meta_image_are_fine(tmp_path, unit):
    volume = read_image(meta_image(tmp_path / "x.mha", DistanceUnits=unit))
    assert not volume.places


@pytest.mark.parametrize(
    ("spacings", "problem"),
    [("spacings: 1 2 -3\n", "negative"), ("", "no voxel sizes; add them")],
)
def test_sizes_of_a_nrrd_are_not_taken_blindly(tmp_path, spacings, problem):
    header = (
        f"NRRD0004\ntype: short\ndimension: 3\nsizes: 5 6 7\n{spacings}"
        "endian: little\nencoding: raw\n\n"
    )
    path = tmp_path / "x.nrrd"
    path.write_bytes(header.encode() + ARRAY.tobytes(order="F"))
    with pytest.raises(GeometryError, match=problem):
        read_image(path)
