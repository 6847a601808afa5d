"""Scans without a label map, in every kind of input."""

import numpy as np
import pytest

from medinorm.errors import StageError
from medinorm.files.tables import read_table
from medinorm.ingest.collect.accounting import UNLABELLED

SHAPE = (12, 14, 10)


def accounted(out):
    """Number of files of the account with the reason of unlabelled scans."""
    rows = read_table(out.results / "ingest" / "account.tsv")
    return sum(int(row["files"]) for row in rows if row["reason"] == UNLABELLED)


def maps(out):
    return sorted((out.results / "canonical").rglob("*_dseg.nii.gz"))


@pytest.fixture
def images(fake, tmp_path):
    """Three images and a label map of the first."""
    for number, name in enumerate("abc"):
        image = fake.ramp(SHAPE).astype(np.float32) + number
        fake.nifti(tmp_path / f"{name}.nii.gz", image)
    fake.nifti(tmp_path / "l.nii.gz", fake.blocks(SHAPE))
    return [{"subject": name, "image": f"{name}.nii.gz"} for name in "abc"]


def test_a_cell_of_the_table_may_be_empty(fake, tmp_path, images, ingest, caplog):
    caplog.set_level("INFO")
    rows = [row | {"label": "l.nii.gz" * (n == 0)} for n, row in enumerate(images)]
    out = ingest(scans=fake.table(tmp_path / "my.tsv", rows))
    assert sorted(bool(row["label"]) for row in out.scans) == [False, False, True]
    assert len(maps(out)) == 1
    assert accounted(out) == 2
    assert "3 usable scans (2 of them without a label map), 0 exclusions" in caplog.text


def test_the_column_may_be_absent_but_not_misspelt(fake, tmp_path, images, ingest):
    out = ingest(scans=fake.table(tmp_path / "my.tsv", images))
    assert [row["label"] for row in out.scans] == [""] * 3
    assert accounted(out) == 3
    rows = [row | {"Label": "l.nii.gz"} for row in images]
    with pytest.raises(StageError, match="column 'label' is missing"):
        ingest(scans=fake.table(tmp_path / "my.tsv", rows))


def test_they_can_be_excluded(fake, tmp_path, images, ingest):
    rows = [row | {"label": "l.nii.gz" * (n == 0)} for n, row in enumerate(images)]
    table = fake.table(tmp_path / "my.tsv", rows)
    out = ingest(scans=table, unlabelled="exclude")
    assert len(out.scans) == 1
    assert out.reason("input.scans, line 3").startswith("no label map is named")


def test_a_label_map_that_was_taken_back_is_deleted(fake, tmp_path, images, ingest):
    table = fake.table(tmp_path / "my.tsv", [images[0] | {"label": "l.nii.gz"}])
    assert len(maps(ingest(scans=table))) == 1
    out = ingest(scans=fake.table(tmp_path / "my.tsv", [images[0] | {"label": ""}]))
    assert (maps(out), len(out.scans)) == ([], 1)


def test_a_copy_without_a_label_map_is_left_out(fake, tmp_path, images, ingest):
    fake.nifti(tmp_path / "d.nii.gz", fake.ramp(SHAPE).astype(np.float32))
    rows = [
        images[0] | {"session": "1", "label": ""},
        {"subject": "a", "session": "2", "image": "d.nii.gz", "label": "l.nii.gz"},
    ]
    out = ingest(scans=fake.table(tmp_path / "my.tsv", rows))
    assert [bool(row["label"]) for row in out.scans] == [True]
    assert out.reason("input.scans, line 2").startswith("duplicate: the same image")


def test_an_image_that_lies_at_two_places_is_refused(fake, tmp_path, ingest):
    path = fake.nifti(tmp_path / "a.nii.gz", fake.ramp(SHAPE), qform_code=1)
    import nibabel as nib  # noqa: PLC0415

    image = nib.load(path)
    image.set_qform(np.diag([3.0, 3.0, 3.0, 1.0]), 1)
    image.set_sform(np.diag([1.0, 1.5, 2.0, 1.0]), 1)
    nib.save(image, path)
    table = fake.table(tmp_path / "my.tsv", [{"subject": "a", "image": path.name}])
    with pytest.raises(StageError, match=r"no label map says which.*nifti_place"):
        ingest(scans=table)


def series_of(fake, patient, uid):
    header = {"PatientID": patient, "StudyInstanceUID": f"1.2.{uid}"}
    return fake.Series(fake.ramp(SHAPE) + len(uid), header=header)


def test_dicom_without_labels(fake, tmp_path, ingest):
    for patient, uid in (("p1", "7"), ("p2", "78")):
        folder = tmp_path / "dicom" / patient
        fake.save(series_of(fake, patient, uid).datasets(), folder)
    out = ingest(dicom=(tmp_path / "dicom",))
    assert [row["label"] for row in out.scans] == ["", ""]
    assert out.account == {"converted": 20}
    assert accounted(out) == 20
    with pytest.raises(StageError, match="no usable scan: no label map belongs"):
        ingest(dicom=(tmp_path / "dicom",), unlabelled="exclude")


def test_in_a_session_with_a_label_map_the_other_series_are_left_out(
    fake, tmp_path, ingest
):
    rows = []
    for number, patient in enumerate(["p1", "p1", "p2"]):
        series = series_of(fake, patient, f"7{patient[1]}")
        series.array = series.array + number
        fake.save(series.datasets(), tmp_path / "dicom" / str(number))
        rows.append({"series_uid": series.uid, "label": "", "hand": f"h{number}"})
    fake.nifti(tmp_path / "l.nii.gz", fake.blocks(SHAPE), affine=series.affine)
    rows[0]["label"] = "l.nii.gz"
    labels = fake.table(tmp_path / "labels.tsv", rows)
    out = ingest(dicom=(tmp_path / "dicom",), labels=labels)
    assert sorted(bool(row["label"]) for row in out.scans) == [False, True]
    (left,) = out.excluded
    assert "but one to another of its session" in left["reason"]


def test_bids_images_of_sessions_without_label_maps(fake, tmp_path, ingest):
    folder = tmp_path / "bids"
    for number, subject in enumerate(("01", "02")):
        image = folder / f"sub-{subject}" / "anat" / f"sub-{subject}_T1w.nii.gz"
        fake.nifti(image, fake.ramp(SHAPE) + number)
    label = folder / "derivatives" / "m" / "sub-01" / "anat" / "sub-01_dseg.nii.gz"
    fake.nifti(label, fake.blocks(SHAPE))
    out = ingest(bids=folder, channels=("T1w",))
    assert sorted(bool(row["label"]) for row in out.scans) == [False, True]
    out = ingest(bids=folder, channels=("T1w",), unlabelled="exclude")
    assert len(out.scans) == 1
