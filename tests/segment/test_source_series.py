"""What a SEG repeats of its source, and nothing else."""

import numpy as np
import pytest

from medinorm.config import GeometryConfig
from medinorm.errors import ReadError
from medinorm.files.atomic import write_json
from medinorm.files.nifti import Volume
from medinorm.ingest.dicom.files import quiet_reading
from medinorm.ingest.plan.candidates import DicomSource
from medinorm.segment.source_series import PATIENT, STUDY, read_source

ALLOWED = {
    *(*PATIENT, *STUDY, "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID"),
    *("Modality", "FrameOfReferenceUID", "Rows", "Columns", "ImagePositionPatient"),
    *("ImageOrientationPatient", "PixelSpacing", "SliceThickness"),
    *("SpacingBetweenSlices", "NumberOfFrames"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
}


@pytest.fixture
def read(tmp_path, fake):
    """Read the source of a label map that lies on the grid of a series."""

    def run(series, datasets, affine=None, grid=None, frames=None):
        paths = fake.save(datasets, tmp_path / "series")
        write_json(tmp_path / "private" / "series" / "a.json", list(map(str, paths)))
        array = np.zeros((1, *(grid or series.array.shape)), np.uint8)
        label_map = Volume(array, series.affine if affine is None else affine)
        source = DicomSource("a.json", frames=frames)
        return read_source(source, label_map, tmp_path / "private", GeometryConfig())

    return run


def test_slices_are_in_the_order_of_the_label_map(read, fake):
    series = fake.Series(fake.ramp(), header={"PatientComments": "x", "EchoTime": 9})
    source = read(series, series.datasets()[::-1])
    heights = [float(image.ImagePositionPatient[2]) for image in source.images]
    assert heights == [series.position(n)[2] for n in range(len(heights))]
    assert source.aligned
    for image in source.images:
        assert {element.keyword for element in image} <= ALLOWED


def test_frames_of_one_file_keep_their_numbers(read, fake):
    series = fake.Series(fake.ramp((9, 8, 5)))
    order = [3, 0, 4, 1, 2]
    source = read(series, [series.enhanced(order)])
    assert list(source.frames) == [order.index(n) + 1 for n in range(5)]
    (image,) = source.images
    assert image.NumberOfFrames == 5


def test_a_label_map_of_another_grid_is_not_aligned(read, fake):
    series = fake.Series(fake.ramp((9, 8, 5)))
    moved = series.affine.copy()
    moved[0, 3] += 1
    source = read(series, series.datasets(), moved)
    assert not source.aligned
    assert len(source.images) == 1
    assert len(source.others) == 4
    assert not read(series, series.datasets(), grid=(9, 8, 6)).aligned


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ({"FrameOfReferenceUID": None}, "no frame of reference"),
        ({"StudyInstanceUID": ""}, "which study it belongs to"),
    ],
)
def test_what_a_seg_needs_is_named(read, fake, header, problem):
    series = fake.Series(fake.ramp((9, 8, 5)), header=header)
    with pytest.raises(ReadError, match=problem):
        read(series, series.datasets())


def test_what_is_no_date_or_sex_is_left_out(read, fake):
    header = {"PatientBirthDate": "19XX0101", "PatientSex": "W", "StudyTime": "1200"}
    series = fake.Series(fake.ramp((9, 8, 5)), header=header)
    with quiet_reading():
        datasets = series.datasets()
    image = read(series, datasets).images[0]
    assert (image.PatientBirthDate, image.PatientSex) == ("", "")
    assert image.StudyTime == "1200"
