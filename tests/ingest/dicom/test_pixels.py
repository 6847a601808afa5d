"""What is read without pydicom is what pydicom reads; all else is left to it."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medinorm.ingest.dicom.file_values import read_values
from medinorm.ingest.dicom.files import read_pixels
from medinorm.ingest.dicom.pixels import find_stored_pixels
from tests.ingest.corpus.cases import CASES
from tests.ingest.corpus.series import Truth, save, slices, voxels

PLAIN = {"axial", "8 bits", "8 bits, signed", "12 bits", "16 bits", "16 bits, signed"}


def read(path):
    """The pixels of a file if they are plain."""
    with path.open("rb") as stream:
        pixels = find_stored_pixels(read_values(stream) or {})
    return pixels and pixels.read(path)


@pytest.mark.parametrize("name", CASES)
def test_stored_pixels_are_those_of_pydicom(name, tmp_path):
    CASES[name].write(tmp_path)
    for path in tmp_path.iterdir():
        found = read(path)
        assert found is not None or name not in PLAIN
        if found is not None:
            _, expected = read_pixels(path)
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == expected.dtype


def test_real_pixels_are_those_of_pydicom(real_dicom):
    compared = 0
    for path in sorted(real_dicom.rglob("*.dcm"))[::7]:
        found = read(path)
        if found is not None:
            np.testing.assert_array_equal(found, read_pixels(path)[1])
            compared += 1
    assert compared > 50


def written(tmp_path, change, array=None):
    """A slice that was changed before it was written."""
    (ds, *_) = slices(Truth(voxels() if array is None else array))
    change(ds)
    save([ds], tmp_path)
    (path,) = tmp_path.iterdir()
    return path


def as_it_is(_ds):
    pass


def overlay(ds):
    ds.BitsStored, ds.HighBit = 8, 7  # a sign and 7 bits; values go on to 224


def table(ds):
    ds.ModalityLUTSequence = Sequence([Dataset()])


def trailing(ds):
    ds.add_new(0xFFFCFFFC, "OB", b"\0" * 64)


def short(ds):
    ds.PixelData = ds.PixelData[:-2]


def coloured(ds):
    ds.PhotometricInterpretation = "PALETTE COLOR"


def shifted(ds):
    ds.BitsStored, ds.HighBit = 12, 13


@pytest.mark.parametrize(
    "change",
    [overlay, table, trailing, short, coloured, shifted],
    ids=lambda change: change.__name__,
)
def test_what_is_not_plain_is_left_to_pydicom(tmp_path, change):
    assert read(written(tmp_path, as_it_is)) is not None
    (path,) = tmp_path.iterdir()
    path.unlink()
    assert read(written(tmp_path, change)) is None


@pytest.mark.parametrize("cut", [1, 100, 448, 700])
def test_truncated_files_are_left_to_pydicom(tmp_path, cut):
    path = written(tmp_path, as_it_is)
    path.write_bytes(path.read_bytes()[:-cut])
    assert not isinstance(read(path), np.ndarray)


def test_an_odd_number_of_bytes_is_padded(tmp_path):
    array = voxels((5, 3, 2), np.uint8)
    path = written(tmp_path, as_it_is, array)
    np.testing.assert_array_equal(read(path)[0], array[:, :, 0].T)
