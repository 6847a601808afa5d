import highdicom as hd
import numpy as np
import pytest
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid
from scipy.spatial.transform import Rotation

from medinorm.errors import GeometryError, LabelError
from medinorm.files.nifti import read_volume
from medinorm.ingest.labels.dicom_labels import read_annotation
from medinorm.ingest.labels.segmentation import read_segmentation
from medinorm.records.labels import read_ignored_value
from tests.ingest.reading import read_series

OBLIQUE = tuple(
    map(
        tuple, Rotation.from_euler("xyz", [12, -31, 47], degrees=True).as_matrix().T[:2]
    )
)
NAMES = {1: "White matter", 2: "Gray matter"}
LABELS = ["white matter", "Gray_Matter"]


def describe(number, label):
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=codes.SCT.Tissue,
        segmented_property_type=codes.SCT.Tissue,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
    )


def segment(datasets, masks, labels, kind="BINARY"):
    """A SEG drawn on sorted datasets; masks are (slices, rows, columns, segments)."""
    return hd.seg.Segmentation(
        source_images=datasets,
        pixel_array=masks,
        segmentation_type=kind,
        segment_descriptions=[describe(n, text) for n, text in enumerate(labels, 1)],
        series_instance_uid=generate_uid(),
        series_number=9,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="none",
        manufacturer_model_name="none",
        software_versions="0",
        device_serial_number="0",
        max_fractional_value=1,
    )


@pytest.fixture
def drawn(fake, tmp_path):
    """An oblique series, its volume, two masks and the label map they make."""
    series = fake.Series(fake.ramp(), directions=OBLIQUE)
    datasets = series.datasets()
    volume = read_series(fake.save(datasets, tmp_path / "series"))
    labels = fake.blocks(series.array.shape)
    masks = np.stack([labels.T == 1, labels.T == 2], axis=-1).astype(np.uint8)
    return datasets, volume, masks, labels


def test_binary_segments_land_on_their_voxels(drawn, tmp_path):
    datasets, volume, masks, labels = drawn
    path = tmp_path / "seg.dcm"
    segment(datasets, masks, LABELS).save_as(path)
    found = read_segmentation(path, volume, NAMES, 0.01)
    np.testing.assert_array_equal(found.array[0], labels)


def unnamed(seg, *numbers):
    """The same SEG with the labels of some segments taken away."""
    for number in numbers:
        seg.SegmentSequence[number - 1].SegmentLabel = ""
    return seg


def test_names_decide_and_not_numbers(drawn, tmp_path):
    datasets, volume, masks, labels = drawn
    path = tmp_path / "seg.dcm"
    segment(datasets, masks, LABELS[::-1]).save_as(path)
    found = read_segmentation(path, volume, NAMES, 0.01)
    swapped = np.array([0, 2, 1])[labels]
    np.testing.assert_array_equal(found.array[0], swapped)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (["Liver", "Spleen"], "2 of 2 segments"),
        (["gray matter", "Liver"], "1 of 2 segments"),
        (["gray matter", ""], "1 of 2 segments"),
    ],
)
def test_a_name_that_the_study_does_not_list_is_refused(
    drawn, tmp_path, given, problem
):
    """Neither the study's first label by its number, nor background."""
    datasets, volume, masks, _ = drawn
    seg = segment(datasets, masks, [name or "none" for name in given])
    blank = [number for number, name in enumerate(given, 1) if not name]
    unnamed(seg, *blank).save_as(tmp_path / "seg.dcm")
    with pytest.raises(LabelError, match=problem) as error:
        read_segmentation(tmp_path / "seg.dcm", volume, NAMES, 0.01)
    assert "Liver" not in str(error.value)


def test_numbers_count_where_no_segment_has_a_name(drawn, tmp_path):
    datasets, volume, masks, labels = drawn
    seg = unnamed(segment(datasets, masks, LABELS[::-1]), 1, 2)
    seg.save_as(tmp_path / "seg.dcm")
    found = read_segmentation(tmp_path / "seg.dcm", volume, NAMES, 0.01)
    np.testing.assert_array_equal(found.array[0], labels)


def test_names_of_the_study_that_cannot_be_told_apart_are_refused(drawn, tmp_path):
    datasets, volume, masks, _ = drawn
    segment(datasets, masks, LABELS).save_as(tmp_path / "seg.dcm")
    with pytest.raises(LabelError, match=r"two names in input\.label_values"):
        read_segmentation(
            tmp_path / "seg.dcm", volume, {1: "Gray matter", 2: "gray-matter"}, 0.01
        )


def test_label_maps_of_segments_follow_names_too(drawn, tmp_path):
    datasets, volume, _, labels = drawn
    path = tmp_path / "seg.dcm"
    drawn_labels = labels.T.astype(np.uint8)
    segment(datasets, drawn_labels, LABELS[::-1], "LABELMAP").save_as(path)
    found = read_segmentation(path, volume, NAMES, 0.01)
    np.testing.assert_array_equal(found.array[0], np.array([0, 2, 1])[labels])


def test_a_label_map_value_without_description_is_refused(drawn, tmp_path):
    datasets, volume, _, labels = drawn
    seg = segment(datasets, labels.T.astype(np.uint8), LABELS, "LABELMAP")
    seg.SegmentSequence = [
        item for item in seg.SegmentSequence if item.SegmentNumber != 2
    ]
    seg.save_as(tmp_path / "seg.dcm")
    with pytest.raises(LabelError, match="a segment that is not described"):
        read_segmentation(tmp_path / "seg.dcm", volume, NAMES, 0.01)


def test_overlapping_segments_are_refused(drawn, tmp_path):
    datasets, volume, masks, _ = drawn
    masks[..., 1] |= masks[..., 0]
    segment(datasets, masks, LABELS).save_as(tmp_path / "seg.dcm")
    with pytest.raises(LabelError, match="segments overlap"):
        read_segmentation(tmp_path / "seg.dcm", volume, NAMES, 0.01)


def test_fractions_are_refused(drawn, tmp_path):
    datasets, volume, masks, _ = drawn
    seg = segment(datasets, masks.astype(float), LABELS, "FRACTIONAL")
    seg.save_as(tmp_path / "seg.dcm")
    with pytest.raises(LabelError, match="fractions"):
        read_segmentation(tmp_path / "seg.dcm", volume, NAMES, 0.01)


@pytest.mark.parametrize("move", [0.5, 100.0])
def test_segments_of_another_place_are_refused(drawn, tmp_path, move):
    datasets, volume, masks, _ = drawn
    for ds in datasets:
        x, y, z = ds.ImagePositionPatient
        ds.ImagePositionPatient = [x, y, round(float(z) + move, 5)]
    segment(datasets, masks, LABELS).save_as(tmp_path / "seg.dcm")
    with pytest.raises(GeometryError, match="another grid"):
        read_segmentation(tmp_path / "seg.dcm", volume, NAMES, 0.01)


def test_segments_of_another_size_are_refused(drawn, tmp_path, fake):
    _, volume, _, _ = drawn
    small = fake.Series(fake.ramp((12, 12, 5)), directions=OBLIQUE).datasets()
    masks = np.ones((5, 12, 12, 1), np.uint8)
    segment(small, masks, LABELS[:1]).save_as(tmp_path / "seg.dcm")
    with pytest.raises(GeometryError, match="frames have another size"):
        read_segmentation(tmp_path / "seg.dcm", volume, NAMES, 0.01)


def test_segmentation_among_the_files_is_found(drawn, tmp_path, ingest):
    datasets, _, masks, labels = drawn
    segment(datasets, masks, LABELS).save_as(tmp_path / "series" / "zz.dcm")
    out = ingest(dicom=(tmp_path / "series",), label_values=NAMES)
    written = read_volume(out.results / "canonical" / out.scans[0]["label"])
    np.testing.assert_array_equal(written.array[0], labels)
    assert {row["state"] for row in out.files} == {"used"}
    assert out.excluded == []


@pytest.mark.parametrize("others", ["refuse", "background"])
def test_segments_are_ignored_by_their_name(drawn, tmp_path, ingest, others):
    datasets, _, masks, labels = drawn
    segment(datasets, masks, LABELS).save_as(tmp_path / "series" / "zz.dcm")
    out = ingest(
        dicom=(tmp_path / "series",),
        label_values={1: NAMES[1]},
        ignore=("GRAY matter", "never drawn"),
        others=others,
    )
    path = out.results / "canonical" / out.scans[0]["label"]
    ignored = read_ignored_value(path)
    expected = np.where(labels == 2, ignored, labels)
    np.testing.assert_array_equal(read_volume(path).array[0], expected)


def test_numbers_of_segments_without_names_are_ignored(drawn, tmp_path, ingest):
    datasets, _, masks, labels = drawn
    seg = unnamed(segment(datasets, masks, LABELS), 1, 2)
    seg.save_as(tmp_path / "series" / "zz.dcm")
    out = ingest(
        dicom=(tmp_path / "series",), label_values={1: NAMES[1]}, ignore=(2, "other")
    )
    path = out.results / "canonical" / out.scans[0]["label"]
    expected = np.where(labels == 2, read_ignored_value(path), labels)
    np.testing.assert_array_equal(read_volume(path).array[0], expected)


def test_a_segmentation_of_another_space_is_refused(drawn, tmp_path):
    datasets, volume, masks, labels = drawn
    path = tmp_path / "seg.dcm"
    segment(datasets, masks, LABELS).save_as(path)
    own = datasets[0].FrameOfReferenceUID
    for space in ("", own):
        found = read_annotation(path, volume, NAMES, 0.01, space)
        np.testing.assert_array_equal(found.array[0], labels)
    with pytest.raises(GeometryError, match="another space"):
        read_annotation(path, volume, NAMES, 0.01, "1.2.3")


def test_two_segmentations_of_one_series_are_refused(drawn, fake, tmp_path, ingest):
    datasets, _, masks, _ = drawn
    other = fake.Series(fake.ramp(), header={"PatientID": "other"})
    fake.save(other.datasets(), tmp_path / "series" / "other")
    for name, seg in {
        "a": segment(datasets, masks, LABELS),
        "b": segment(datasets, masks, LABELS),
        "c": segment(other.datasets(), masks, LABELS),
    }.items():
        seg.save_as(tmp_path / "series" / f"{name}.dcm")
    out = ingest(dicom=(tmp_path / "series",), label_values=NAMES)
    assert len(out.scans) == 1
    assert any("several label maps" in row["reason"] for row in out.excluded)


def test_segments_of_other_names_may_become_background(drawn, tmp_path):
    datasets, volume, masks, labels = drawn
    path = tmp_path / "seg.dcm"
    segment(datasets, masks, LABELS).save_as(path)
    first = dict([next(iter(NAMES.items()))])
    with pytest.raises(LabelError, match=r"set input\.others to background"):
        read_segmentation(path, volume, first, 0.01)
    found = read_segmentation(path, volume, first, 0.01, "background")
    (value,) = first
    np.testing.assert_array_equal(found.array[0], np.where(labels == value, value, 0))


def test_the_first_value_of_a_name_is_that_of_its_segment(drawn, tmp_path):
    datasets, volume, masks, labels = drawn
    path = tmp_path / "seg.dcm"
    segment(datasets, masks, LABELS).save_as(path)
    several = NAMES | {value + 10: name for value, name in NAMES.items()}
    found = read_segmentation(path, volume, several, 0.01)
    np.testing.assert_array_equal(found.array[0], labels)
