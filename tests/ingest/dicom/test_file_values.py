"""What the index keeps of a file, whichever way it is read."""

import io

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medinorm.errors import ReadError
from medinorm.ingest.dicom import file_values
from medinorm.ingest.dicom.file_values import read_values

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
STRUCTURES = "1.2.840.10008.5.1.4.1.1.481.3"


@pytest.fixture
def dataset(fake):
    return fake.Series(fake.ramp((6, 6, 1))).dataset(0)


def stream_of(ds):
    stream = io.BytesIO()
    ds.save_as(stream, enforce_file_format=True)
    stream.seek(0)
    return stream


def item(**elements):
    made = Dataset()
    for name, value in elements.items():
        setattr(made, name, value)
    return made


def test_both_ways_give_the_same(dataset):
    stream = stream_of(dataset)
    start = stream.read(1 << 14)
    quick = file_values._quick_values(stream, start)
    assert quick == file_values._thorough_values(stream)
    assert quick["SeriesInstanceUID"] == dataset.SeriesInstanceUID


def test_a_file_without_its_series_is_read_again_by_pydicom(dataset, monkeypatch):
    del dataset.SeriesInstanceUID
    asked = []
    real = file_values._thorough_values
    monkeypatch.setattr(
        file_values, "_thorough_values", lambda s: asked.append(s) or real(s)
    )
    assert "SeriesInstanceUID" not in read_values(stream_of(dataset))
    assert asked


def test_an_annotation_names_its_series(dataset):
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = SEGMENTATION
    dataset.ReferencedSeriesSequence = Sequence([item(SeriesInstanceUID="1.2.3")])
    assert read_values(stream_of(dataset))["ReferencedSeries"] == "1.2.3"


def test_an_annotation_of_two_series_names_none(dataset):
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = SEGMENTATION
    dataset.ReferencedSeriesSequence = Sequence(
        [item(SeriesInstanceUID="1.2.3"), item(SeriesInstanceUID="1.2.4")]
    )
    assert "ReferencedSeries" not in read_values(stream_of(dataset))


def test_structures_name_their_series_three_sequences_deep(dataset):
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = STRUCTURES
    series = item(SeriesInstanceUID="1.2.3")
    study = item(RTReferencedSeriesSequence=Sequence([series]))
    frame = item(RTReferencedStudySequence=Sequence([study]))
    dataset.ReferencedFrameOfReferenceSequence = Sequence([frame])
    assert read_values(stream_of(dataset))["ReferencedSeries"] == "1.2.3"


def test_other_files_have_no_values():
    assert read_values(io.BytesIO(b"text" * 100)) is None
    with pytest.raises(ReadError, match="empty"):
        read_values(io.BytesIO())
