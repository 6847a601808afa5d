"""Each object is used once, whatever other files it lies in."""

import gzip
import json
import shutil
import zipfile

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import RLELossless

from medinorm.config import IngestConfig
from medinorm.errors import StageError
from medinorm.files.nifti import read_volume
from medinorm.ingest.index import look_through
from medinorm.ingest.plan.copies import A_COPY, leave_out_copies
from medinorm.ingest.plan.dicom_entries import sort_rows

GRID = (12, 10, 6)


def again(folder, target):
    shutil.copytree(folder, target)


def zipped(folder, target):
    target.mkdir()
    with zipfile.ZipFile(target / "export.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)


def compressed_by_gzip(folder, target):
    target.mkdir()
    for path in folder.iterdir():
        (target / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))


def written_by_another_program(folder, target):
    target.mkdir()
    for path in folder.iterdir():
        ds = dcmread(path)
        ds.RetrieveAETitle = "OTHER"
        ds.compress(RLELossless, generate_instance_uid=False)
        ds.save_as(target / path.name)


COPYING = (again, zipped, compressed_by_gzip, written_by_another_program)


@pytest.fixture
def study(fake, tmp_path, ingest):
    """Ingest the folder `in` with a label map for everybody."""

    def run(grid=GRID, affine=None):
        series = fake.Series(fake.ramp(grid))
        affine = series.affine if affine is None else affine
        fake.nifti(tmp_path / "label.nii", fake.blocks(grid), affine)
        rows = [{"subject": "patient-1", "label": "label.nii"}]
        table = fake.table(tmp_path / "labels.tsv", rows)
        return ingest(
            dicom=[tmp_path / "in"], labels=table, ingest=IngestConfig(min_voxels=2)
        )

    return run


def volumes_of(out):
    """The volumes and the changes that their sidecars name."""
    found = []
    for row in out.scans:
        path = out.results / "canonical" / row["image"]
        sidecar = json.loads(path.with_name(path.name[:-7] + ".json").read_text())
        found.append((read_volume(path).array[0], sidecar.get("GeometryChanges")))
    return found


@pytest.mark.parametrize("copy", COPYING, ids=lambda copy: copy.__name__)
def test_a_series_that_lies_there_twice_is_one_volume(fake, tmp_path, study, copy):
    series = fake.Series(fake.ramp(GRID))
    fake.save(series.datasets(), tmp_path / "in" / "a")
    copy(tmp_path / "in" / "a", tmp_path / "in" / "b")
    out = study()
    ((array, changes),) = volumes_of(out)
    np.testing.assert_array_equal(array, series.array)
    assert changes == ["duplicate: 6 files that repeat others left out"]
    (row,) = [row for row in out.excluded if row["reason"] == A_COPY]
    assert row["where"] == "6 files"
    states = [(row["state"], row["reason"]) for row in out.files]
    assert states.count(("excluded", A_COPY)) == 6


def test_some_slices_twice_and_thrice(fake, tmp_path, study):
    series = fake.Series(fake.ramp(GRID))
    paths = fake.save(series.datasets(), tmp_path / "in")
    for number in (1, 2, 2):
        shutil.copy(paths[number], tmp_path / "in" / f"{len(list(paths))}{number}")
        paths.append(None)
    ((array, changes),) = volumes_of(study())
    np.testing.assert_array_equal(array, series.array)
    assert changes == ["duplicate: 3 files that repeat others left out"]


def test_a_time_series_that_lies_there_twice_is_its_time_points(fake, tmp_path, study):
    """Twice as many files as places times time points would tell nothing."""
    datasets = []
    series, later = (
        fake.Series(fake.ramp(GRID) + np.int16(time), uid="1.2.9") for time in (0, 1)
    )
    for number, ds in enumerate([*series.datasets(), *later.datasets()]):
        ds.SOPInstanceUID, ds.InstanceNumber = f"1.2.9.{number}", number + 1
        ds.NumberOfTemporalPositions = 2
        datasets.append(ds)
    fake.save(datasets, tmp_path / "in" / "a")
    again(tmp_path / "in" / "a", tmp_path / "in" / "b")
    volumes = volumes_of(study())
    assert len(volumes) == 2
    for array, changes in volumes:
        np.testing.assert_array_equal(array - array.min(), series.array)
        assert changes == ["duplicate: 6 files that repeat others left out"]


def test_a_multi_frame_file_twice_is_one_volume(fake, tmp_path, study):
    series = fake.Series(fake.ramp(GRID))
    fake.save([series.enhanced(range(6))], tmp_path / "in" / "a")
    written_by_another_program(tmp_path / "in" / "a", tmp_path / "in" / "b")
    ((array, changes),) = volumes_of(study())
    scaled = series.array * np.arange(1, 7) - np.arange(6)
    np.testing.assert_array_equal(array, scaled)
    assert changes == ["duplicate: 1 files that repeat others left out"]


def test_one_uid_with_other_pixels_is_told(fake, tmp_path, study):
    series = fake.Series(fake.ramp(GRID))
    fake.save(series.datasets(), tmp_path / "in" / "a")
    again(tmp_path / "in" / "a", tmp_path / "in" / "b")
    path = sorted((tmp_path / "in" / "b").iterdir())[2]
    ds = dcmread(path)
    ds.PixelData = ds.PixelData[::-1]
    ds.save_as(path)
    with pytest.raises(StageError, match=r"1 of 7 slices .* not all with the same pix"):
        study()


def test_one_uid_for_all_slices_makes_no_copies(fake, tmp_path, study):
    """As some programs write it."""
    series = fake.Series(fake.ramp(GRID))
    datasets = series.datasets()
    for ds in datasets:
        ds.SOPInstanceUID = "1.2.3"
    fake.save(datasets, tmp_path / "in")
    ((array, changes),) = volumes_of(study())
    np.testing.assert_array_equal(array, series.array)
    assert changes is None


def test_damaged_copies_stay(fake, tmp_path):
    """What is wrong with them is for the user to find out."""
    ds = fake.Series(fake.ramp(GRID)).dataset(0)
    (path,) = fake.save([ds], tmp_path)
    (tmp_path / "short.dcm").write_bytes(path.read_bytes()[:-100])
    entries, _ = sort_rows(look_through([tmp_path]))
    assert len(leave_out_copies(entries).entries) == 2


@pytest.mark.parametrize("keyword", ["SeriesInstanceUID", "PatientID"])
def test_objects_of_another_series_or_patient_are_others(fake, tmp_path, keyword):
    series = fake.Series(fake.ramp(GRID))
    for number, value in enumerate(("1.2.3", "1.2.4")):
        ds = series.dataset(0)
        setattr(ds, keyword, value)
        fake.save([ds], tmp_path / str(number))
    entries, _ = sort_rows(look_through([tmp_path]))
    assert leave_out_copies(entries).copies == {}


def test_an_annotation_that_lies_there_twice_is_one(fake, tmp_path):
    """Of several that differ none is taken: the right one cannot be known."""
    ds = fake.Series(fake.ramp(GRID)).dataset(0)
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
    item = type(ds)()
    item.SeriesInstanceUID = "1.2.99"
    ds.ReferencedSeriesSequence = [item]
    for name in "ab":
        fake.save([ds], tmp_path / name)
    ds.SeriesDescription = "corrected"
    fake.save([ds], tmp_path / "c")
    entries, _ = sort_rows(look_through([tmp_path]))
    assert [entry.refers_to for entry in entries] == ["1.2.99"] * 3
    kept = leave_out_copies(entries).entries
    assert [entry.path.parent.name for entry in kept] == ["a", "c"]
