import gzip
import logging
import os
import warnings
import zlib
from contextlib import nullcontext, suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.config import disable_value_validation
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from medinorm.errors import ReadError, ScanError
from medinorm.ingest import archives as zip_files
from medinorm.ingest.dicom.files import (
    numbers_of,
    quiet_reading,
    read_header,
    read_pixels,
    text_of,
)
from medinorm.ingest.dicom.frames import read_frames
from medinorm.ingest.dicom.header_values import deflated_at
from medinorm.ingest.dicom.pixels import read_stored_images
from medinorm.ingest.index import read_file
from medinorm.ingest.plan.dicom_entries import sort_rows
from tests.ingest.reading import read_series


@pytest.fixture
def file(fake, tmp_path):
    (path,) = fake.save(fake.Series(fake.ramp((6, 6, 1))).datasets(), tmp_path)
    return path


def test_only_the_wanted_elements_are_read(file):
    header = read_header(file, ["PatientID"])
    assert "PatientID" in header
    assert "Manufacturer" not in header
    assert "PixelData" not in read_header(file)


@pytest.mark.parametrize(
    "content",
    [
        b"text" * 99,
        b"\x02\x00" + b"\xff" * 300,
        b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100",
    ],
)
def test_other_files_are_told_apart(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    (entries, (other,)) = sort_rows(read_file(path))
    assert not entries
    assert other.reason in {"not DICOM", "the DICOM file is damaged; copy it again"}


def test_missing_file(tmp_path):
    with pytest.raises(ReadError, match="may not be read"):
        read_header(tmp_path / "x")


def test_odd_values_say_nothing():
    ds = Dataset()
    with disable_value_validation():
        ds.EchoTime = None
        ds.PatientID = "  padded \0"
        ds.ImageType = ["A", "B"]
        ds.PixelSpacing = ["1.5", "2"]
    assert numbers_of(ds, "EchoTime", 1) is None
    assert numbers_of(ds, "PixelSpacing", 1) is None
    assert numbers_of(ds, "PixelSpacing", 2) == (1.5, 2.0)
    assert text_of(ds, "PatientID") == "padded"
    assert text_of(ds, "ImageType") == "A\\B"
    assert text_of(ds, "StudyID") == ""


def test_quiet_reading_keeps_what_it_found(caplog):
    log = logging.getLogger("pydicom")
    with quiet_reading():
        log.error("secret")
        warnings.warn("secret", stacklevel=1)
    assert caplog.text == ""
    log.error("heard again")
    assert "heard again" in caplog.text


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), enhanced=st.booleans())
def test_no_damage_crashes_a_reader(fake, tmp_path_factory, data, enhanced):
    series = fake.Series(fake.ramp((4, 4, 3)), uid="1.2.9")
    ds = series.enhanced([0, 1, 2]) if enhanced else series.dataset(0)
    (path,) = fake.save([ds], tmp_path_factory.mktemp("fuzz"))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            content[place] = data.draw(st.integers(0, 255))
        else:
            content[place : place + data.draw(st.integers(1, 9))] = data.draw(
                st.binary(min_size=1, max_size=9)
            )
    path.write_bytes(bytes(content))
    assert sum(map(len, sort_rows(read_file(path)))) == 1
    for read in (read_frames, read_pixels):
        with suppress(ScanError):
            read(path)


def test_stored_values_come_back(file, fake):
    _, pixels = read_pixels(file)
    np.testing.assert_array_equal(pixels[0], fake.ramp((6, 6, 1))[:, :, 0].T)


def test_what_follows_the_pixels_cannot_fill_the_memory(file):
    """Zeros are elements to pydicom, eight bytes each: it would read them for hours."""
    with file.open("r+b") as stream:
        stream.truncate(1 << 40)
    (frame,) = read_frames(file)
    assert frame.pixels.read(file) is None
    with pytest.raises(ReadError, match="much larger than its pixels"):
        read_pixels(file)


@pytest.mark.parametrize("padding", [0, 1, 2])
def test_padding_behind_a_deflated_file_ends_the_check(fake, tmp_path, padding):
    """The inflater keeps what follows the end as if it were still to be read."""
    ds = fake.Series(np.zeros((6, 6, 1), np.int16)).dataset(0)
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    ds.PixelData = bytes(4 << 20)  # more than one chunk: so that there is a tail
    (path,) = fake.save([ds], tmp_path)
    stored = path.read_bytes()
    start = deflated_at(stored)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflater.decompress(stored[start:])
    end = len(stored) - len(inflater.unused_data)
    path.write_bytes(stored[:end] + bytes(padding))
    assert read_header(path).Rows == 6


def test_a_deflated_bomb_is_refused_before_it_fills_the_memory(
    fake, tmp_path, monkeypatch
):
    ds = fake.Series(np.zeros((6, 6, 1), np.int16)).dataset(0)
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    ds.PixelData = bytes(4 << 20)
    (path,) = fake.save([ds], tmp_path)
    assert read_header(path).Rows == 6
    os.utime(path, ns=(1, 1))  # else it would be known
    monkeypatch.setattr(zip_files, "_HARMLESS_BYTES", 1 << 20)
    for read in (read_header, read_pixels):
        with pytest.raises(ReadError, match="expands beyond all bounds"):
            read(path)
    assert read_file(path)[-1].state == "unreadable"


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    ("bits", "planes"), [(12, 0xF000), (12, 0x1000), (10, 0x8400), (15, 0x8000)]
)
def test_bits_above_the_values_are_cleared(fake, tmp_path, signed, bits, planes):
    """Overlays, and no sign repeated."""
    rng = np.random.default_rng(bits + planes)
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    values = rng.integers(low, high, (6, 6))
    words = rng.integers(0, 1 << 16, (6, 6)) & planes
    words |= values & ((1 << bits) - 1)
    ds = fake.Series(np.zeros((6, 6, 1), np.int16)).dataset(0)
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = bits, bits - 1, int(signed)
    ds.PixelData = words.astype(np.uint16).tobytes()
    (path,) = fake.save([ds], tmp_path)
    np.testing.assert_array_equal(read_pixels(path)[1][0], values)
    (frame,) = read_frames(path)
    quick = frame.pixels.read(path) if frame.pixels else None
    assert quick is None or np.array_equal(quick[0], values)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"BitsStored": 12, "LargestImagePixelValue": 5000}, "values exceed the bits"),
        ({"BitsStored": 12, "HighBit": 16}, "outdated way"),
        ({"BitsStored": 12, "HighBit": 10}, "outdated way"),
        ({"BitsStored": 12}, None),
    ],
)
def test_bits_that_no_value_can_have_are_refused(fake, tmp_path, header, reason):
    ds = fake.Series(np.full((6, 6, 1), 5000, np.uint16)).dataset(0)
    ds.HighBit = 11
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    (path,) = fake.save([ds], tmp_path)
    with pytest.raises(ReadError, match=reason) if reason else nullcontext():
        read_pixels(path)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_values_that_need_the_bits_above_are_not_cut(fake, tmp_path, dtype):
    """The header declares too few: cleared values would jump where they overflow."""
    ds = fake.Series(fake.ramp((20, 18, 1), dtype)).dataset(0)
    ds.BitsStored, ds.HighBit = 8, 7
    (path,) = fake.save([ds], tmp_path)
    with pytest.raises(ReadError, match="values exceed the bits"):
        read_pixels(path)


@pytest.mark.parametrize("meta", ["nothing", "no syntax"])
@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_data_sets_that_do_not_name_their_encoding_are_read(
    fake, tmp_path, syntax, meta
):
    series = fake.Series(fake.ramp((6, 5, 3)))
    paths = []
    for number, ds in enumerate(series.datasets()):
        ds["PixelData"].VR = "OW"
        path = tmp_path / str(number)
        ds.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian:
            ds.PixelData = series.array[:, :, number].T.astype(">i2").tobytes()
        stream = DicomBytesIO()
        stream.is_little_endian = syntax != ExplicitVRBigEndian
        stream.is_implicit_VR = syntax == ImplicitVRLittleEndian
        if meta == "no syntax":
            own = FileMetaDataset()
            own.MediaStorageSOPClassUID = ds.SOPClassUID
            write_file_meta_info(stream, own, enforce_standard=False)
            stream.is_little_endian = syntax != ExplicitVRBigEndian
            stream.is_implicit_VR = syntax == ImplicitVRLittleEndian
        write_dataset(stream, Dataset(ds))
        path.write_bytes(stream.getvalue())
        paths.append(path)
    (row,) = read_file(paths[0])
    assert row.values["TransferSyntaxUID"] == syntax
    np.testing.assert_array_equal(read_series(paths).array[0], series.array)


def test_a_multi_frame_data_set_alone_gives_some_of_its_frames(fake, tmp_path):
    series = fake.Series(fake.ramp((6, 5, 4)))
    ds = series.enhanced([0, 1, 2, 3])
    (path,) = fake.save([ds], tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[content.index(b"\x08\0\x08\0CS") :])
    images = read_stored_images(path, [1, 3])
    for number, image in images.items():
        np.testing.assert_array_equal(image, series.array[:, :, number].T)


def test_a_file_compressed_by_gzip_is_read_as_if_it_were_not(fake, tmp_path):
    series = fake.Series(fake.ramp((6, 5, 3)))
    paths = fake.save(series.datasets(), tmp_path)
    for path in paths:
        path.write_bytes(gzip.compress(path.read_bytes()))
    (row,) = read_file(paths[0])
    assert (row.state, row.values["Rows"]) == ("dicom", "5")
    np.testing.assert_array_equal(read_series(paths).array[0], series.array)


def test_gzip_files_of_other_kinds_stay_what_they_are(tmp_path):
    for name, content in (("a.nii.gz", b"text" * 99), ("empty.gz", b"")):
        path = tmp_path / name
        path.write_bytes(gzip.compress(content))
        (row,) = read_file(path)
        assert (row.state, row.reason) == ("excluded", "not DICOM")


@pytest.mark.parametrize("place", [-1, -30, 40])
def test_a_damaged_gzip_file_is_unreadable(file, place):
    content = bytearray(gzip.compress(file.read_bytes()))
    if place == -1:
        content = content[:-20]
    else:
        content[place] ^= 0xFF
    file.write_bytes(bytes(content))
    with pytest.raises(ReadError, match=r"gzip file is damaged|copy it again"):
        read_pixels(file)


def test_a_gzip_bomb_is_refused(file, monkeypatch):
    file.write_bytes(gzip.compress(file.read_bytes() + bytes(8 << 20)))
    monkeypatch.setattr(zip_files, "_HARMLESS_BYTES", 1 << 20)
    (row,) = read_file(file)
    assert row.state == "unreadable"
    assert "expands beyond all bounds" in row.reason
