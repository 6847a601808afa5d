"""Several channels of a session from DICOM series, through the whole of ingest."""

import json
import shutil
import zipfile

import numpy as np
import pytest
from pydicom.uid import generate_uid

from medinorm.config import IngestConfig, SelectRule
from medinorm.errors import StageError
from medinorm.files.nifti import read_volume

GRID = (20, 18, 17)
RULES = (
    SelectRule(channel="T1w", description="mprage"),
    SelectRule(channel="FLAIR", description="flair"),
    SelectRule(channel="T1w", description="t1"),
)


@pytest.fixture
def session(fake, tmp_path):
    """Write one series of a session; returns it."""

    def write(description, array=None, header=(), number=1, **changes):
        array = fake.ramp(GRID) if array is None else array
        study = {
            "StudyInstanceUID": f"1.2.3.{number}",
            "PatientID": f"patient-{number}",
        }
        header = {"SeriesDescription": description, **study, **dict(header)}
        series = fake.Series(array, header=header, **changes)
        fake.save(series.datasets(), tmp_path / "in" / generate_uid())
        return series

    return write


@pytest.fixture
def study(fake, tmp_path, ingest):
    """Ingest everything, with one label map for each patient."""

    def run(first, *, select=RULES, key="subject", **settings):
        fake.nifti(tmp_path / "label.nii.gz", fake.blocks(GRID), first.affine)
        value = first.uid if key == "series_uid" else first.header["PatientID"]
        row = {key: value, "label": "label.nii.gz"}
        return ingest(
            dicom=[tmp_path / "in"],
            labels=fake.table(tmp_path / "labels.tsv", [row]),
            channels=("T1w", "FLAIR"),
            ingest=IngestConfig(select=select),
            **settings,
        )

    return run


def image_of(out):
    """The one image, and its sidecar."""
    (row,) = out.scans
    path = out.results / "canonical" / row["image"]
    return read_volume(path), json.loads(
        path.with_name(f"{row['scan']}.json").read_text()
    )


def test_two_channels_make_one_scan(fake, session, study):
    flair = session("t2 flair", fake.ramp(GRID) * 2, {"EchoTime": 90})
    first = session("MPRAGE")
    session("localizer")
    out = study(first)
    (row,) = out.scans
    assert row["channels"] == "T1w,FLAIR"
    assert row["scan"].endswith("_channels")
    assert row["scanner"] == "Siemens Skyra 3T"
    assert row["echo_time"] == "0.0025"
    image, sidecar = image_of(out)
    np.testing.assert_array_equal(image.array[0], first.array)
    np.testing.assert_array_equal(image.array[1], flair.array)
    np.testing.assert_allclose(image.affine, first.affine, atol=1e-4)
    assert {"channel T1w", "channel FLAIR", "label map"} <= set(
        json.dumps(sidecar).split('"')
    )
    assert "GeometryChanges" not in sidecar
    assert out.account == {"converted": 2 * GRID[2] + 1, "excluded": GRID[2]}
    text = json.dumps(sidecar)
    assert not any(name in text for name in (first.uid, flair.uid, "patient-1"))


def test_a_second_run_changes_nothing_and_a_new_channel_file_does(
    fake, session, study, tmp_path
):
    first = session("t1")
    flair = session("flair", fake.ramp(GRID) * 2)
    before = study(first)
    (made,) = (before.results / "canonical").rglob("*_channels.nii.gz")
    stamp = made.stat().st_mtime_ns
    study(first)
    assert made.stat().st_mtime_ns == stamp
    flair.array = flair.array + 1
    folder = next(
        path.parent
        for path in (tmp_path / "in").rglob("*.dcm")
        if flair.uid.encode() in path.read_bytes()
    )
    fake.save(flair.datasets(), folder)
    again = study(first)
    assert made.stat().st_mtime_ns != stamp
    np.testing.assert_array_equal(image_of(again)[0].array[1], flair.array)


def test_the_order_of_the_study_and_not_that_of_rules_or_files(fake, session, study):
    session("flair", fake.ramp(GRID) * 2)
    first = session("t1")
    image, _ = image_of(study(first, select=tuple(reversed(RULES))))
    np.testing.assert_array_equal(image.array[0], first.array)


def test_a_session_without_a_channel_is_left_out_and_others_go_on(fake, session, study):
    session("t1", number=2)
    first = session("t1")
    session("flair", fake.ramp(GRID) * 2)
    out = study(first)
    assert len(out.scans) == 1
    reasons = {row["reason"] for row in out.excluded}
    assert (
        "channel FLAIR is missing: no series of the session fits its rules" in reasons
    )
    assert out.account == {"converted": 2 * GRID[2] + 1, "excluded": GRID[2]}


def test_a_channel_with_missing_slices_is_not_simply_absent(session, study, tmp_path):
    first = session("t1")
    flair = session("flair")
    for path in (tmp_path / "in").rglob("*.dcm"):
        if f"{flair.uid}.8".encode() in path.read_bytes():
            path.unlink()
    with pytest.raises(StageError, match="channel FLAIR is missing: missing_slices"):
        study(first)


def test_another_grid_in_the_same_frame_of_reference_is_resampled(session, study):
    x, y, z = np.indices((32, 30, 13))
    flair = session(
        "flair",
        (10 * x + 7 * y + 30 * z).astype(np.int16),
        spacing=(1.0, 1.0, 3.0),
        origin=(-13.0, 5.0, 22.0),
    )
    first = session("t1")
    image, sidecar = image_of(study(first))
    assert image.grid == GRID
    np.testing.assert_array_equal(image.array[0], first.array)
    index = np.stack(np.meshgrid(*map(np.arange, GRID), indexing="ij"), axis=-1)
    turn = np.linalg.inv(flair.affine) @ first.affine
    there = index @ turn[:3, :3].T + turn[:3, 3]
    inner = ((there >= 2) & (there <= np.array(flair.array.shape) - 3)).all(axis=-1)
    assert inner.mean() > 0.5
    expected = there @ [10.0, 7.0, 30.0]
    np.testing.assert_allclose(image.array[1][inner], expected[inner], atol=0.5)
    (change,) = sidecar["GeometryChanges"]
    assert change.startswith("channel FLAIR: resampled onto the grid of the first")


@pytest.mark.parametrize("moved", [(0, 0, 0), (4, 0, 0)])
def test_another_frame_of_reference_needs_registration(fake, session, study, moved):
    first = session("t1")
    origin = tuple(np.add(first.origin, moved))
    other = {"FrameOfReferenceUID": "1.2.3.9"}
    session("flair", fake.ramp(GRID) * 2, other, origin=origin)
    with pytest.raises(
        StageError, match=r"channel FLAIR: another frame of reference .* register"
    ):
        study(first)


def test_without_a_frame_of_reference_only_equal_grids_are_one_place(
    fake, session, study
):
    none = {"FrameOfReferenceUID": None}
    first = session("t1", header=none)
    flair = session("flair", fake.ramp(GRID) * 2, none)
    image, _ = image_of(study(first))
    np.testing.assert_array_equal(image.array[1], flair.array)


def test_a_turned_grid_is_the_same_grid(session, study):
    first = session("t1")
    # The same slices, sent from the other end.
    origin = tuple(first.position(GRID[2] - 1))
    step = -np.array([0.0, 0.0, first.spacing[2]])
    session("flair", first.array[..., ::-1] * 2, origin=origin, step=step)
    image, sidecar = image_of(study(first))
    np.testing.assert_array_equal(image.array[1], first.array * 2)
    assert "GeometryChanges" not in sidecar


def test_the_earlier_rule_decides_between_two_series(fake, session, study):
    session("t1 spin echo", fake.ramp(GRID) * 3)
    first = session("t1 mprage")
    session("flair")
    out = study(first)
    np.testing.assert_array_equal(image_of(out)[0].array[0], first.array)
    assert [row["reason"] for row in out.excluded] == [
        "another series of the session is channel T1w"
    ]


def test_the_label_map_decides_between_two_series(fake, session, study):
    session("t1 mprage", fake.ramp(GRID) * 3)
    first = session("t1 spin echo")
    session("flair")
    image, _ = image_of(study(first, key="series_uid"))
    np.testing.assert_array_equal(image.array[0], first.array)


def test_two_series_that_nothing_tells_apart(session, study):
    first = session("t1")
    session("t1")
    session("flair")
    with pytest.raises(StageError, match="2 series of the session fit channel T1w"):
        study(first)


def test_a_label_map_of_another_channel_on_the_grid_of_the_first(session, study, fake):
    session("t1")
    flair = session("flair", fake.ramp(GRID) * 2)
    out = study(flair, key="series_uid")
    (row,) = out.scans
    label = read_volume(out.results / "canonical" / row["label"])
    np.testing.assert_array_equal(label.array[0], fake.blocks(GRID))


def test_a_label_map_on_another_grid_than_the_first_channel(session, study, fake):
    session("t1", origin=(-9.0, 7.0, 23.0))
    flair = session("flair", fake.ramp(GRID) * 2)
    with pytest.raises(StageError, match="label map: another grid"):
        study(flair)


def test_channels_of_two_scanners(session, study, fake):
    first = session("t1")
    session("flair", fake.ramp(GRID) * 2, {"DeviceSerialNumber": "7"})
    with pytest.raises(
        StageError, match=r"channel FLAIR: from another scanner .*device"
    ):
        study(first)


def test_rules_and_channels_must_fit(session, study):
    with pytest.raises(StageError, match="no rule has channel: FLAIR"):
        study(session("t1"), select=RULES[:1])


def test_two_echoes_of_a_series_are_not_one_channel(fake, session, study):
    first = session("t1", header={"EchoTime": 5})
    session("t1", fake.ramp(GRID) * 3, {"EchoTime": 90}, uid=first.uid)
    session("flair", fake.ramp(GRID) * 2)
    with pytest.raises(StageError, match="2 series of the session fit channel T1w"):
        study(first)


def test_a_multiframe_channel_beside_files_of_a_slice_each(
    fake, tmp_path, study, session
):
    first = session("t1")
    header = {**first.header, "SeriesDescription": "flair"}
    flair = fake.Series(fake.ramp(GRID), header=header)
    fake.save([flair.enhanced(range(GRID[2]))], tmp_path / "in" / "flair")
    image, _ = image_of(study(first))
    scaled = flair.array * (1.0 + np.arange(GRID[2])) - np.arange(GRID[2])
    np.testing.assert_allclose(image.array[1], scaled)


def test_a_channel_in_an_archive(fake, session, study, tmp_path):
    flair = session("flair", fake.ramp(GRID) * 2)
    with zipfile.ZipFile(tmp_path / "flair.zip", "w") as archive:
        for path in (tmp_path / "in").rglob("*.dcm"):
            archive.write(path, path.name)
    shutil.rmtree(tmp_path / "in")
    first = session("t1")
    (tmp_path / "flair.zip").rename(tmp_path / "in" / "flair.zip")
    out = study(first)
    np.testing.assert_array_equal(image_of(out)[0].array[1], flair.array)
    assert not list((out.private / "unpacked").glob("*"))
