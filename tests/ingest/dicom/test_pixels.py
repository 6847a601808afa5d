"""What is read without pydicom is what pydicom reads; all else is left to it."""

from collections import Counter

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from medinorm.errors import ReadError
from medinorm.files.nifti import read_volume
from medinorm.ingest.convert import stage as convert
from medinorm.ingest.dicom import files, pixels
from medinorm.ingest.dicom import frames as scans
from medinorm.ingest.dicom.file_values import read_values
from medinorm.ingest.dicom.files import read_pixels
from medinorm.ingest.dicom.pixels import find_stored_pixels, read_stored_images
from tests.ingest.corpus.cases import CASES
from tests.ingest.corpus.series import (
    EnhancedFrame,
    Truth,
    enhanced,
    save,
    slices,
    voxels,
)

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


def test_each_image_of_a_file_is_the_one_that_pydicom_reads(tmp_path):
    """Uncompressed, deflated and compressed files; also a single image."""
    for name, case in CASES.items():
        if name.startswith("multi-frame"):
            case.write(tmp_path / name)
    for path in tmp_path.rglob("*.dcm"):
        whole = read_pixels(path)[1]
        for wanted in ([0], [1, len(whole) - 1], list(range(len(whole)))):
            images = read_stored_images(path, wanted)
            assert list(images) == wanted
            for index, image in images.items():
                np.testing.assert_array_equal(image, whole[index])


def test_images_of_a_truncated_file_are_refused(tmp_path):
    CASES["multi-frame"].write(tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-100])
    assert list(read_stored_images(path, [0, 1])) == [0, 1]
    with pytest.raises(ReadError, match="pixels are truncated"):
        read_stored_images(path, [0, 5])


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_a_file_of_many_volumes_is_parsed_once(
    tmp_path, ingest, monkeypatch, syntax, fake
):
    """32 time points of 20 frames: the cost grows with the frames, not their square."""
    times, grid = 32, (18, 17, 20)
    rng = np.random.default_rng(0)
    truths = [Truth(rng.integers(0, 999, grid).astype(np.int16)) for _ in range(times)]
    frames = [
        EnhancedFrame(
            truth,
            n,
            (("FrameContentSequence", "TemporalPositionIndex", t + 1),),
            1,
            0,
            t,
        )
        for t, truth in enumerate(truths)
        for n in range(grid[2])
    ]
    stored = [frame.truth.array[:, :, frame.number] for frame in frames]
    ds = enhanced(frames, stored, dimension=frames[0].keys[0][:2])
    if syntax != ExplicitVRLittleEndian:
        ds.compress(syntax)
    save([ds], tmp_path / "in")
    fake.nifti(tmp_path / "label.nii", fake.blocks(grid), truths[0].affine)
    table = fake.table(
        tmp_path / "labels.tsv", [{"subject": "patient-1", "label": "label.nii"}]
    )
    counts = Counter()
    for module, name in (
        *((files, "dcmread"), (pixels, "dcmread"), (scans, "_enhanced_frame")),
        (convert, "checksum"),
    ):
        monkeypatch.setattr(module, name, counted(getattr(module, name), counts, name))
    out = ingest(dicom=[tmp_path / "in"], labels=table)
    assert len(out.scans) == times
    assert counts["dcmread"] <= 4
    assert counts["_enhanced_frame"] <= 2 * len(frames)
    assert counts["checksum"] <= 3
    found = [read_volume(path).array[0] for path in images_of(out)]
    assert sorted(map(hash_of, found)) == sorted(hash_of(t.array) for t in truths)


def counted(function, counts, name):
    """A function whose calls are counted."""

    def call(*args, **kwargs):
        counts[name] += 1
        return function(*args, **kwargs)

    return call


def images_of(out):
    """The volumes that were written."""
    return [out.results / "canonical" / row["image"] for row in out.scans]


def hash_of(array):
    """Whole numbers as bytes."""
    return np.asarray(array, np.int16).tobytes()
