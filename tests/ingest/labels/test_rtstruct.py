import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage
from scipy.spatial.transform import Rotation

from medinorm.config import IngestConfig
from medinorm.errors import GeometryError, LabelError, ReadError, ScanError
from medinorm.files.nifti import Volume, read_volume
from medinorm.ingest.labels.rtstruct import read_structures

NAMES = {1: "Gray matter", 5: "Tumour"}
SPACE = "1.2.3.4"
GRID = (30, 26, 14)


def oblique():
    """An image whose axes are none of the world's."""
    turn = Rotation.from_euler("xyz", [12, -31, 47], degrees=True).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([1.25, 1.5, 3.0])
    affine[:3, 3] = (-71.0, 32.5, 210.0)
    return Volume(np.zeros((1, *GRID), np.int16), affine)


def items(values):
    return Sequence(list(values))


def made(**values):
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def contour(image, place, corners, kind="CLOSED_PLANAR"):
    """A contour from voxel coordinates, with the digits that clinics write."""
    voxels = np.c_[corners, np.full(len(corners), float(place))]
    world = voxels @ image.affine[:3, :3].T + image.affine[:3, 3]
    points = (world * [-1, -1, 1]).ravel()
    return made(
        ContourGeometricType=kind,
        NumberOfContourPoints=len(corners),
        ContourData=[f"{value:.3f}" for value in points],
    )


def structures(rois, series="1.2.3.5", space=SPACE):
    """An RTSTRUCT with named lists of contours."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = RTStructureSetStorage
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3.6"
    ds.SeriesInstanceUID, ds.StudyInstanceUID = "1.2.3.7", "1.2.3.4.5"
    ds.PatientID, ds.Modality = "patient-1", "RTSTRUCT"
    link = made(SeriesInstanceUID=series)
    study = made(RTReferencedSeriesSequence=items([link]))
    ds.ReferencedFrameOfReferenceSequence = items(
        [made(FrameOfReferenceUID=SPACE, RTReferencedStudySequence=items([study]))]
    )
    ds.StructureSetROISequence = items(
        made(ROINumber=n, ROIName=name, ReferencedFrameOfReferenceUID=space)
        for n, (name, _) in enumerate(rois, start=10)
    )
    ds.ROIContourSequence = items(
        made(ReferencedROINumber=n, ContourSequence=items(drawn))
        for n, (_, drawn) in enumerate(rois, start=10)
        if drawn
    )
    return ds


@pytest.fixture
def read(tmp_path):
    """Write an RTSTRUCT and read it on the grid of an image."""

    def run(image, rois, names=NAMES, of_image="", **header):
        path = tmp_path / "rt.dcm"
        structures(rois, **header).save_as(path, enforce_file_format=True)
        found = read_structures(path, image, names, 0.01, of_image)
        np.testing.assert_array_equal(found.affine, image.affine)
        return found.array[0]

    return run


def circle(middle, radius, count=720):
    """A polygon of the same area as a circle."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    radius *= np.sqrt(2 * np.pi / count / np.sin(2 * np.pi / count))
    return np.asarray(middle) + radius * np.c_[np.cos(angle), np.sin(angle)]


def box(low, high):
    (x0, y0), (x1, y1) = low, high
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=float)


def test_a_box_between_voxels_is_exact(read):
    image = oblique()
    drawn = [contour(image, k, box((3.5, 6.5), (11.5, 19.5))) for k in range(2, 9)]
    found = read(image, [("gray_MATTER", drawn), ("Tumour", [])])
    expected = np.zeros(GRID)
    expected[4:12, 7:20, 2:9] = 1
    np.testing.assert_array_equal(found, expected)


def test_a_structure_whose_value_is_ignored_need_not_be_there(tmp_path):
    image, path = oblique(), tmp_path / "rt.dcm"
    drawn = [contour(image, 4, box((3.5, 6.5), (11.5, 19.5)))]
    for rois, value in (
        ([("Gray matter", drawn)], 1),
        ([("Gray matter", []), ("tumour", drawn)], 5),
    ):
        structures(rois).save_as(path, enforce_file_format=True)
        labels = read_structures(path, image, NAMES, 0.01, "", (5,)).array
        assert set(np.unique(labels)) == {0, value}
    structures([("Tumour", drawn)]).save_as(path, enforce_file_format=True)
    with pytest.raises(LabelError, match="1 of 1 names"):
        read_structures(path, image, NAMES, 0.01, "", (5,))


def test_a_box_through_centres_has_its_lower_sides(read):
    image = oblique()
    drawn = [contour(image, 4, box((3, 6), (11, 19)))]
    found = read(image, [("Gray matter", drawn), ("Tumour", [])])
    expected = np.zeros(GRID)
    expected[3:11, 6:19, 4] = 1
    np.testing.assert_array_equal(found, expected)


def test_a_sphere_with_a_hollow(read):
    """Only voxels on the very surface may fall to either side."""
    image = oblique()
    middle, outer, inner = np.array([14.0, 12.0, 6.0]), 15.1, 7.3
    spacing = np.array(image.spacing)
    drawn = []
    for place in range(GRID[2]):
        height = abs(place - middle[2]) * spacing[2]
        for radius in (outer, inner):
            if height < radius:
                unit = circle((0, 0), np.sqrt(radius**2 - height**2))
                drawn.append(contour(image, place, middle[:2] + unit / spacing[:2]))
    found = read(image, [("Gray matter", []), ("Tumour", drawn)])
    index = np.stack(np.indices(GRID), axis=-1)
    distance = np.linalg.norm((index - middle) * spacing, axis=-1)
    expected = 5 * ((distance < outer) & (distance > inner))
    wrong = found != expected
    surface = np.minimum(abs(distance - outer), abs(distance - inner))
    assert (surface[wrong] < 0.01).all()
    assert np.count_nonzero(expected) > 2000


def test_keyhole_and_nested_contours_say_the_same(read):
    image = oblique()
    outer, inner = circle((14, 12), 8.2, 60), circle((14, 12), 3.9, 60)
    keyhole = np.concatenate([outer, outer[:1], inner[:1], inner[::-1]])
    one = read(image, [("Tumour", [contour(image, 3, keyhole)]), ("gray matter", [])])
    nested = [contour(image, 3, part) for part in (outer, inner)]
    other = read(image, [("Tumour", nested), ("gray matter", [])])
    np.testing.assert_array_equal(one, other)
    assert other[14, 12, 3] == 0
    assert other[20, 12, 3] == 5


def test_contours_beyond_the_field_of_view_are_cut(read):
    image = oblique()
    drawn = [contour(image, 0, box((-50, -3), (4.5, 99)))]
    found = read(image, [("Tumour", drawn), ("gray matter", [])])
    expected = np.zeros(GRID)
    expected[:5, :, 0] = 5
    np.testing.assert_array_equal(found, expected)


def test_other_structures_are_left_out(read):
    image = oblique()
    body = ("BODY", [contour(image, k, box((0, 0), (29, 25))) for k in range(14)])
    point = ("isocentre", [contour(image, 3.3, [[4, 4]], "POINT")])
    drawn = [contour(image, 3, box((3.5, 6.5), (11.5, 19.5)))]
    rois = [body, point, ("Tumour", drawn), ("gray matter", [])]
    found = read(image, rois)
    assert set(np.unique(found)) == {0, 5}


SQUARE = box((3.5, 6.5), (11.5, 19.5))
SHIFTED = SQUARE + 2


@pytest.mark.parametrize(
    ("parts", "problem", "error"),
    [
        ([(3.4, SQUARE)], "between slices", GeometryError),
        ([(3.06, SQUARE)], "between slices", GeometryError),
        ([(14, SQUARE)], "beyond the image", GeometryError),
        ([(-1, SQUARE)], "beyond the image", GeometryError),
        ([(3, SQUARE), (3, SHIFTED)], "cross or coincide", LabelError),
        ([(3, SQUARE), (3, SQUARE)], "cross or coincide", LabelError),
        ([(3, SQUARE), (5, SHIFTED)], "skip slices", LabelError),
        ([(3, SQUARE[:2])], "damaged", ReadError),
        ([(3, SQUARE, "OPEN_PLANAR")], "open lines", LabelError),
    ],
)
def test_what_is_not_certain_is_refused(read, parts, problem, error):
    image = oblique()
    drawn = [contour(image, *part) for part in parts]
    with pytest.raises(error, match=problem):
        read(image, [("Gray matter", drawn), ("Tumour", [])])


def test_contours_within_tolerance_and_far_parts_are_taken(read):
    image = oblique()
    far = SQUARE + np.array([14, 0])
    drawn = [contour(image, 3.02, SQUARE), contour(image, 7, far)]
    found = read(image, [("Gray matter", drawn), ("Tumour", [])])
    assert found[5, 10, 3] == found[20, 10, 7] == 1


def test_crossing_contours_of_the_kind_that_may_cross(read):
    image = oblique()
    drawn = [contour(image, 3, part, "CLOSEDPLANAR_XOR") for part in (SQUARE, SHIFTED)]
    found = read(image, [("Gray matter", drawn), ("Tumour", [])])
    assert found[8, 12, 3] == 0
    assert found[4, 7, 3] == found[13, 21, 3] == 1


def test_structures_that_overlap_are_refused(read):
    image = oblique()
    rois = [
        ("Tumour", [contour(image, 3, SQUARE)]),
        ("gray matter", [contour(image, 3, SHIFTED)]),
    ]
    with pytest.raises(LabelError, match="structures overlap"):
        read(image, rois)


@pytest.mark.parametrize(
    ("rois", "problem"),
    [
        (["Tumour", "Secret lobe"], "1 of 2 names"),
        (["Secret", "lobe"], "2 of 2 names"),
        (["Tumour", "tumour", "gray matter"], "two structures"),
    ],
)
def test_names_decide(read, rois, problem):
    image = oblique()
    drawn = [contour(image, 3, SQUARE)]
    with pytest.raises(LabelError, match=problem) as error:
        read(image, [(name, drawn) for name in rois])
    assert "Secret" not in str(error.value)


def test_another_space_is_refused(read):
    image = oblique()
    drawn = [contour(image, 3, SQUARE)]
    with pytest.raises(GeometryError, match="another space"):
        read(image, [("Tumour", drawn), ("gray matter", [])], space="1.9")
    with pytest.raises(GeometryError, match="another space"):
        read(image, [("Tumour", drawn), ("gray matter", [])], of_image="1.9")
    read(image, [("Tumour", drawn), ("gray matter", [])], of_image=SPACE)


def test_moved_and_damaged_contours_are_refused(read):
    image = oblique()
    moved = contour(image, 3, SQUARE)
    moved.ContourOffsetVector = [0, 0, 1.5]
    with pytest.raises(GeometryError, match="moved"):
        read(image, [("Tumour", [moved]), ("gray matter", [])])
    short = contour(image, 3, SQUARE)
    short.NumberOfContourPoints = 5
    with pytest.raises(ReadError, match="damaged"):
        read(image, [("Tumour", [short]), ("gray matter", [])])


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=12))
def test_damage_is_refused_or_harmless(tmp_path, changes):
    """Whatever bytes are changed: a label map or a reason, nothing else."""
    image = oblique()
    drawn = [contour(image, k, SQUARE) for k in (3, 4)]
    path = tmp_path / "rt.dcm"
    structures([("Tumour", drawn), ("gray matter", [])]).save_as(
        path, enforce_file_format=True
    )
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[132 + place % (len(content) - 132)] = value
    path.write_bytes(content)
    try:
        found = read_structures(path, image, NAMES, 0.01)
    except ScanError:
        return
    assert set(np.unique(found.array)) <= {0, 1, 5}


def test_ingest_finds_the_structures_of_a_series(fake, ingest, tmp_path):
    """From a folder with both to a label map on the image's grid."""
    series = fake.Series(
        fake.ramp(GRID), directions=tuple(map(tuple, oblique_directions()))
    )
    image = Volume(series.array[np.newaxis], series.affine)
    drawn = [contour(image, k, SQUARE) for k in range(3, 8)]
    rois = [("two", drawn), ("One", []), ("BODY", drawn)]
    datasets = series.datasets()
    for ds in datasets:
        ds.FrameOfReferenceUID = SPACE
    fake.save(datasets, tmp_path / "dicom")
    fake.save([structures(rois, series=series.uid)], tmp_path / "dicom" / "drawn")
    out = ingest(dicom=[tmp_path / "dicom"], ingest=IngestConfig(min_voxels=8))
    (scan,) = out.scans
    label = read_volume(out.results / "canonical" / scan["label"])
    expected = np.zeros(GRID)
    expected[4:12, 7:20, 3:8] = 2
    np.testing.assert_array_equal(label.array[0], expected)
    np.testing.assert_allclose(label.affine, series.affine, atol=1e-4)
    assert {row["state"] for row in out.files} == {"used"}


def oblique_directions():
    turn = Rotation.from_euler("xyz", [12, -31, 47], degrees=True).as_matrix()
    return turn.T[:2]
