"""A new image format goes through the whole stage by its declaration alone."""

import numpy as np
import pytest

from medinorm.errors import StageError
from medinorm.files import formats
from medinorm.files.formats import image_format, read_image
from medinorm.files.nifti import Volume

VOXELS = np.arange(4096, dtype=np.int16).reshape(16, 16, 16)
LABELS = (VOXELS % 3).astype(np.uint8)
AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])


@pytest.fixture
def numpy_format(monkeypatch):
    """Files that hold voxels and nothing else, all at one place."""
    monkeypatch.setattr(formats, "FORMATS", dict(formats.FORMATS))

    @image_format("NumPy", "a format for this test", suffixes=(".npy",))
    def read_numpy(path):
        return Volume(np.load(path)[np.newaxis], AFFINE)

    return read_numpy


@pytest.mark.usefixtures("numpy_format")
def test_a_table_may_name_files_of_a_declared_format(fake, ingest, tmp_path):
    np.save(tmp_path / "a.npy", VOXELS)
    np.save(tmp_path / "a_label.npy", LABELS)
    row = {"subject": "a", "image": "a.npy", "label": "a_label.npy"}
    out = ingest(scans=fake.table(tmp_path / "scans.tsv", [row]))
    (scan,) = out.scans
    image, label = (
        read_image(out.results / "canonical" / scan[role])
        for role in ("image", "label")
    )
    np.testing.assert_array_equal(image.array[0], VOXELS)
    np.testing.assert_array_equal(label.array[0], LABELS)
    np.testing.assert_array_equal(image.affine, AFFINE)


@pytest.mark.usefixtures("numpy_format")
def test_a_data_set_may_hold_files_of_a_declared_format(ingest, tmp_path):
    for folder, name, array in (
        ("sub-1/anat", "sub-1_T1w.npy", VOXELS),
        ("derivatives/sub-1/anat", "sub-1_dseg.npy", LABELS),
    ):
        (tmp_path / "bids" / folder).mkdir(parents=True)
        np.save(tmp_path / "bids" / folder / name, array)
    out = ingest(bids=tmp_path / "bids")
    assert len(out.scans) == 1


def test_files_of_no_declared_format_are_refused(fake, ingest, tmp_path):
    np.save(tmp_path / "a.npy", VOXELS)
    np.save(tmp_path / "a_label.npy", LABELS)
    row = {"subject": "a", "image": "a.npy", "label": "a_label.npy"}
    with pytest.raises(StageError, match=r"no usable scan: .*not a NIfTI-1 image"):
        ingest(scans=fake.table(tmp_path / "scans.tsv", [row]))
