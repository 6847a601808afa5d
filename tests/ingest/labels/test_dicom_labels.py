"""Annotations are read by their class, and only in the space of their image."""

import numpy as np
import pytest

from medinorm.errors import GeometryError, ReadError
from medinorm.files.nifti import Volume
from medinorm.ingest.labels import dicom_labels
from medinorm.ingest.labels.dicom_labels import read_annotation

IMAGE = Volume(np.zeros((1, 4, 4, 4), np.int16), np.eye(4))
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
STRUCTURES = "1.2.840.10008.5.1.4.1.1.481.3"


@pytest.fixture
def saved(fake, tmp_path):
    """An object of a class, in a frame of reference."""

    def save(sop_class, space=""):
        ds = fake.Series(fake.ramp((6, 6, 1))).dataset(0)
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop_class
        ds.FrameOfReferenceUID = space
        (path,) = fake.save([ds], tmp_path)
        return path

    return save


@pytest.fixture
def readers(monkeypatch):
    """Which reader is asked."""
    asked = []
    for name in ("read_structures", "read_segmentation"):
        monkeypatch.setattr(
            dicom_labels, name, lambda *_, name=name: asked.append(name) or IMAGE
        )
    return asked


@pytest.mark.parametrize(
    ("sop_class", "reader"),
    [(SEGMENTATION, "read_segmentation"), (STRUCTURES, "read_structures")],
)
def test_the_class_decides_how_it_is_read(saved, readers, sop_class, reader):
    read_annotation(saved(sop_class), IMAGE, {1: "one"}, 0.01)
    assert readers == [reader]


def test_a_segmentation_of_another_space_is_refused(saved, readers):
    path = saved(SEGMENTATION, "1.2.3")
    with pytest.raises(GeometryError, match="another space"):
        read_annotation(path, IMAGE, {1: "one"}, 0.01, "1.2.4")
    for space in ("", "1.2.3"):
        read_annotation(path, IMAGE, {1: "one"}, 0.01, space)
    assert readers == ["read_segmentation"] * 2


def test_what_is_not_dicom_any_more_is_refused(tmp_path):
    path = tmp_path / "x"
    path.write_text("text " * 100)
    with pytest.raises(ReadError, match="not DICOM any more"):
        read_annotation(path, IMAGE, {1: "one"}, 0.01)
