import logging
import warnings
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.config import disable_value_validation
from pydicom.uid import DeflatedExplicitVRLittleEndian

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
from medinorm.ingest.index import read_file
from medinorm.ingest.plan.dicom_entries import sort_rows


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
    monkeypatch.setattr(zip_files, "_HARMLESS_BYTES", 1 << 20)
    for read in (read_header, read_pixels):
        with pytest.raises(ReadError, match="expands beyond all bounds"):
            read(path)
    assert read_file(path)[-1].state == "unreadable"
