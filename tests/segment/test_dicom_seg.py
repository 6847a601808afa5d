"""What goes into a SEG comes back: voxel by voxel, at the same place of the world."""

import highdicom as hd
import numpy as np
import pytest
from pydicom import dcmread
from scipy.spatial.transform import Rotation

from medinorm.config import GeometryConfig
from medinorm.errors import ReadError
from medinorm.files.atomic import write_json
from medinorm.files.nifti import Volume
from medinorm.ingest.labels.segmentation import read_segmentation
from medinorm.ingest.plan.candidates import DicomSource
from medinorm.segment.dicom_seg import Algorithm, build_segmentation, name_instance
from medinorm.segment.source_series import read_source
from tests.ingest.conftest import LPS_TO_RAS, blocks, ramp
from tests.ingest.corpus.series import Truth, mosaic

TURN = Rotation.from_euler("xyz", [12, -31, 47], degrees=True).as_matrix()
OBLIQUE = tuple(map(tuple, TURN.T[:2]))
LABELS = {3: "shell", 7: "left kidney"}
ALGORITHM = Algorithm("medinorm zscore instance", "0123abcd")


@pytest.fixture
def written(tmp_path, fake):
    """The SEG of a label map on files, read back, and the label map."""

    def run(series, datasets, label_map=None, frames=None, **geometry):
        paths = fake.save(datasets, tmp_path / "series")
        write_json(tmp_path / "private" / "series" / "a.json", list(map(str, paths)))
        if label_map is None:
            array = fake.blocks(series.array.shape, tuple(LABELS))
            label_map = Volume(array[np.newaxis], series.affine)
        source = read_source(
            DicomSource("a.json", frames=frames),
            *(label_map, tmp_path / "private", GeometryConfig(**geometry)),
        )
        uid = name_instance(source, "checksum", ALGORITHM)
        made = build_segmentation(label_map, source, LABELS, ALGORITHM, uid)
        made.save_as(tmp_path / "seg.dcm", enforce_file_format=True)
        return tmp_path / "seg.dcm", label_map

    return run


def assert_same(path, label_map):
    """Our reader and highdicom's own find each voxel at its place."""
    ours = read_segmentation(path, label_map, LABELS, 1e-3)
    np.testing.assert_array_equal(ours.array, label_map.array)
    seg = hd.seg.segread(path)
    theirs = seg.get_volume(combine_segments=True)
    values = np.array([0, *LABELS])[theirs.array]  # slices, rows, columns
    # Index of highdicom's array to RAS, voxel by voxel that has a label.
    places = np.argwhere(values)
    world = (LPS_TO_RAS @ theirs.affine) @ np.c_[places, np.ones(len(places))].T
    index = np.linalg.inv(label_map.affine) @ world
    nearest = np.rint(index[:3]).astype(int)
    assert np.abs(index[:3] - nearest).max() < 2e-3
    found = label_map.array[0][tuple(nearest)]
    np.testing.assert_array_equal(found, values[tuple(places.T)])
    assert np.count_nonzero(label_map.array) == len(places)


def test_an_oblique_unsorted_series_comes_back(written, fake):
    series = fake.Series(fake.ramp(), directions=OBLIQUE)
    rng = np.random.default_rng(0)
    path, label_map = written(series, list(rng.permutation(series.datasets())))
    assert_same(path, label_map)
    seg = dcmread(path)
    uids = {f"{series.uid}.{n + 1}" for n in range(series.array.shape[2])}
    (referenced,) = seg.ReferencedSeriesSequence
    instances = referenced.ReferencedInstanceSequence
    assert {item.ReferencedSOPInstanceUID for item in instances} == uids
    for group in seg.PerFrameFunctionalGroupsSequence:
        (item,) = group.DerivationImageSequence[0].SourceImageSequence
        number = int(item.ReferencedSOPInstanceUID.rpartition(".")[2]) - 1
        position = group.PlanePositionSequence[0].ImagePositionPatient
        np.testing.assert_allclose(position, series.position(number), atol=1e-5)


def test_frames_of_one_enhanced_file_in_any_order_come_back(written, fake):
    series = fake.Series(fake.ramp((20, 18, 6)), directions=OBLIQUE)
    order = [4, 0, 5, 2, 1, 3]
    labels = fake.blocks((20, 18, 12), tuple(LABELS))[:, :, 3:9]
    wanted = Volume(labels[np.newaxis], series.affine)
    path, label_map = written(series, [series.enhanced(order)], wanted)
    assert_same(path, label_map)
    for group in dcmread(path).PerFrameFunctionalGroupsSequence:
        (item,) = group.DerivationImageSequence[0].SourceImageSequence
        place = series.position(order[int(item.ReferencedFrameNumber) - 1])
        position = group.PlanePositionSequence[0].ImagePositionPatient
        np.testing.assert_allclose(position, place, atol=1e-5)


def test_some_frames_of_a_file_with_several_volumes_come_back(written, fake):
    series = fake.Series(fake.ramp((20, 18, 8)))
    path, label_map = written(
        *(series, [series.enhanced([0, 1, 2, 3, 4, 5, 6, 7])]),
        Volume(
            fake.blocks((20, 18, 12), tuple(LABELS))[np.newaxis, :, :, 3:6],
            series.affine @ shift(2),
        ),
        ((2, 3, 4),),
    )
    assert_same(path, label_map)
    numbers = {
        int(
            group.DerivationImageSequence[0]
            .SourceImageSequence[0]
            .ReferencedFrameNumber
        )
        for group in dcmread(path).PerFrameFunctionalGroupsSequence
    }
    assert numbers == {3, 4, 5}


def shift(slices):
    """A move along the third axis."""
    moved = np.eye(4)
    moved[2, 3] = slices
    return moved


def test_a_label_map_on_another_grid_says_where_it_lies(written, fake):
    """As of slices at uneven distances, or shifted ones that were straightened."""
    series = fake.Series(fake.ramp((9, 8, 5)), directions=OBLIQUE)
    labels = fake.blocks((14, 12, 11), tuple(LABELS))
    affine = series.affine @ np.diag([0.5, 0.5, 0.5, 1])
    wanted = Volume(labels[np.newaxis], affine)
    path, label_map = written(series, series.datasets(), wanted)
    assert_same(path, label_map)
    assert len(dcmread(path).SourceImageSequence) == 5


@pytest.mark.parametrize("reverse", [False, True])
def test_the_tiles_of_a_mosaic_come_back(written, reverse):
    truth = Truth(ramp((14, 13, 11)), OBLIQUE)
    labels = blocks((14, 13, 11), tuple(LABELS))
    wanted = Volume(labels[np.newaxis], truth.affine)
    assert_same(*written(truth, [mosaic(truth, reverse=reverse)], wanted))


def test_slices_of_a_tilted_gantry_come_back(written, fake):
    """As they are, where ingest keeps the shear of their grid."""
    step = np.array([0.0, 0.6, 2.0])
    series = fake.Series(fake.ramp(), step=step)
    path, label_map = written(series, series.datasets(), tilt="keep_shear")
    ours = read_segmentation(path, label_map, LABELS, 1e-3)
    np.testing.assert_array_equal(ours.array, label_map.array)
    assert len(dcmread(path).SourceImageSequence) == series.array.shape[2]


def test_it_says_what_made_it_and_whose_it_is(written, fake):
    header = {
        "SpecificCharacterSet": "ISO_IR 100",
        "PatientName": "M\xfcller^Anna",
        "AccessionNumber": "A1",
        "PatientAddress": "Secret street",
        "PatientComments": "secret",
        "InstitutionName": "Secret hospital",
        "OperatorsName": "Secret",
    }
    path, _ = written(
        *(series := fake.Series(fake.ramp(), header=header),),
        series.datasets(),
    )
    seg = dcmread(path)
    assert str(seg.PatientName) == "M\xfcller^Anna"
    assert (seg.PatientID, seg.StudyInstanceUID) == ("patient-1", "1.2.3.4.5")
    assert (seg.AccessionNumber, seg.Modality) == ("A1", "SEG")
    assert "secret" not in str(seg).lower()
    shell, kidney = seg.SegmentSequence
    (code,) = kidney.SegmentedPropertyTypeCodeSequence
    assert code.CodeMeaning == "Kidney"
    assert code.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Left"
    assert shell.SegmentedPropertyTypeCodeSequence[0].CodeValue == "LABEL-3"
    assert (shell.SegmentLabel, shell.SegmentAlgorithmType) == ("shell", "AUTOMATIC")
    (algorithm,) = shell.SegmentationAlgorithmIdentificationSequence
    assert algorithm.AlgorithmName == ALGORITHM.name
    assert "0123abcd" in algorithm.AlgorithmParameters


def test_the_same_label_map_has_the_same_uid(written, fake):
    series = fake.Series(fake.ramp((9, 8, 5)))
    labels = np.zeros((1, 9, 8, 5), np.uint8)
    labels[0, 2:4, 2:4, 2:4] = 3
    paths = [
        written(series, series.datasets(), Volume(labels, series.affine))[0]
        for _ in range(2)
    ]
    uids = {(dcmread(p).SOPInstanceUID, dcmread(p).SeriesInstanceUID) for p in paths}
    assert len(uids) == 1


def test_no_label_at_all_is_a_seg_too(written, fake):
    series = fake.Series(fake.ramp((9, 8, 5)))
    empty = Volume(np.zeros((1, 9, 8, 5), np.uint8), series.affine)
    path, label_map = written(series, series.datasets(), empty)
    ours = read_segmentation(path, label_map, LABELS, 1e-3)
    assert not ours.array.any()


def test_headers_that_allow_no_seg_are_one_line(written, fake):
    header = {"SOPClassUID": "1.2.3"}  # a class that nobody knows
    series = fake.Series(fake.ramp((9, 8, 5)), header=header)
    with pytest.raises(ReadError, match="do not say all that a SEG must repeat"):
        written(series, series.datasets())
