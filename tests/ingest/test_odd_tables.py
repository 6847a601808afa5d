"""One bad row never ends a study: it is left out, the others go on."""

import os

import numpy as np
import pytest

from medinorm.config import IngestConfig
from medinorm.errors import StageError
from medinorm.files.tables import read_table

KEEP = IngestConfig(subjects="keep")


@pytest.fixture
def cohort(fake, tmp_path):
    """Four scans with label maps, and a table that names them."""
    rows = []
    for name in "abcd":
        image = fake.ramp() + np.int16(ord(name))
        fake.nifti(tmp_path / f"images/{name}.nii.gz", image)
        fake.nifti(tmp_path / f"labels/{name}.nii.gz", fake.blocks(image.shape))
        files = {"image": f"images/{name}.nii.gz", "label": f"labels/{name}.nii.gz"}
        rows.append({"subject": name, **files, "site": "x"})
    return rows


def usable(out):
    return [row["subject"] for row in out.scans]


@pytest.mark.parametrize(
    "cells",
    [
        {"image": "images/gone.nii.gz", "label": "labels/gone.nii.gz"},
        {"image": "gone", "label": "./gone"},
        {"image": "~/gone.nii.gz", "label": "~/gone_label.nii.gz"},
        {"image": "images\\gone.nii.gz", "label": "labels\\gone.nii.gz"},
        {"image": "C:\\images\\b.nii.gz", "label": "C:\\labels\\b.nii.gz"},
        {"image": "../../gone/b.nii.gz", "label": "../../gone/b_label.nii.gz"},
        {"image": "/gone/b.nii.gz", "label": "/gone/b_label.nii.gz"},
        {"image": "file:///gone/b.nii.gz", "label": "file:///gone/l.nii.gz"},
        {"image": "https://x.org/b.nii.gz", "label": "s3://x/l.nii.gz"},
        {"image": "x" * 400, "label": "y" * 5000},
        {"image": "images", "label": "labels"},
        {"image": "images/a.nii.gz/x", "label": "labels/a.nii.gz/x"},
        {"image": "/dev/null", "label": "/dev/zero"},
        {"image": "n/a", "label": "n/a"},
        {"label": "labels/a.nii.gz/x"},
        {"image": "images/a.nii.gz", "label": "gone"},
        {"subject": "nan"},
        {"image": ".", "label": ".."},
    ],
    ids=lambda cells: " ".join(cells.values())[:40],
)
def test_a_row_without_files_does_not_end_the_study(
    fake, cohort, tmp_path, ingest, cells
):
    cohort[1] |= cells
    out = ingest(scans=fake.table(tmp_path / "my.tsv", cohort), ingest=KEEP)
    shares_image = cells.get("image") == "images/a.nii.gz"
    assert usable(out) == (["c", "d"] if shares_image else ["a", "c", "d"])
    left = [row for row in out.excluded if "line 3" in row["where"]]
    assert len(left) == 1
    assert left[0]["reason"]
    assert "unexpected" not in left[0]["reason"]
    assert sum(out.account.values()) == len(out.files)


def test_missing_files_named_in_several_ways(fake, cohort, tmp_path, ingest):
    cohort[0] |= {"session": "1"}
    cohort[1] |= {"session": "1", "image": "g1", "label": "x/../g2"}
    cohort[2] |= {"session": "1", "image": "y/../g2", "label": "g1"}
    cohort[3] |= {"session": "1"}
    out = ingest(scans=fake.table(tmp_path / "my.tsv", cohort), ingest=KEEP)
    assert usable(out) == ["a", "d"]
    left = [row["scan"] for row in out.excluded]
    assert left == ["sub-b_ses-1_image", "sub-c_ses-1_image"]


@pytest.mark.parametrize(
    "write",
    [
        "images\\b.nii.gz".format,
        '"images/b.nii.gz"'.format,
        "{0}/images/b.nii.gz".format,
        "file://{0}/images/b.nii.gz".format,
        "images/../images/b.nii.gz".format,
        "~/images/b.nii.gz".format,
    ],
)
def test_paths_of_other_programs_are_read(
    fake, cohort, tmp_path, ingest, write, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    cohort[1]["image"] = write(tmp_path)
    out = ingest(scans=fake.table(tmp_path / "my.tsv", cohort), ingest=KEEP)
    assert usable(out) == ["a", "b", "c", "d"]
    assert out.excluded == []


@pytest.mark.parametrize(
    ("name", "separator", "encoding"),
    [
        ("SCANS.CSV", ",", "utf-8"),
        ("scans.csv", ";", "utf-8-sig"),
        ("scans.txt", "\t", "utf-16"),
        ("scans.Tsv", "\t", "utf-8-sig"),
    ],
)
def test_tables_of_spreadsheets(cohort, tmp_path, ingest, name, separator, encoding):
    lines = [separator.join(cohort[0]), *map(separator.join, map(dict.values, cohort))]
    lines += [separator * 3] * 3
    table = tmp_path / name
    table.write_bytes("\r\n".join(lines).encode(encoding))
    out = ingest(scans=table, ingest=KEEP)
    assert usable(out) == ["a", "b", "c", "d"]
    assert out.excluded == []


def test_an_odd_label_table(fake, tmp_path, ingest):
    """Lines of the table of label maps, of which two are good."""
    rows = []
    for number in range(5):
        series = fake.Series(
            fake.ramp() + np.int16(number),
            header={"PatientID": f"p{number}", "StudyInstanceUID": f"1.{number}"},
        )
        fake.save(series.datasets(), tmp_path / "dicom" / str(number))
        label = f"labels/{number}.nii.gz"
        fake.nifti(tmp_path / label, fake.blocks(series.array.shape), series.affine)
        rows.append([f"p{number}", label])
    rows[1][1] = "labels\\1.nii.gz"
    rows[2][1] = "n/a"
    rows[3][1] = "C:\\labels\\3.nii.gz"
    rows[4][1] += ";more"
    table = tmp_path / "labels.csv"
    lines = ["subject;label", *map(";".join, rows), ";", "nobody;labels/0.nii.gz"]
    table.write_text(os.linesep.join(lines))
    dicom = (tmp_path / "dicom",)
    # Whose line is broken is not taken for one without a label map.
    assert usable(ingest(dicom=dicom, labels=table, ingest=KEEP)) == [
        *("p0", "p1", "p2", "p4"),
    ]
    out = ingest(dicom=dicom, labels=table, ingest=KEEP, unlabelled="exclude")
    assert usable(out) == ["p0", "p1"]
    assert "no label map is named" in out.reason("input.labels, line 4")
    assert "a path of Windows" in out.reason("input.labels, line 5")
    assert "expected 2 values" in out.reason("input.labels, line 6")
    assert "no DICOM series fits" in out.reason("input.labels, line 8")
    assert sum(out.account.values()) == len(out.files)


def test_the_reasons_stay_where_no_scan_is_usable(fake, cohort, tmp_path, ingest):
    for row in cohort:
        row["image"] = f"gone/{row['subject']}.nii.gz"
    with pytest.raises(StageError) as caught:
        ingest(scans=fake.table(tmp_path / "my.tsv", cohort), ingest=KEEP)
    assert str(caught.value) == (
        "no usable scan: channel image: the file does not exist; correct its path "
        "(4x); excluded-failed.tsv, where excluded.tsv would be, has them all"
    )
    copies = [*(tmp_path / "study/results").rglob("excluded-failed.tsv")]
    assert [len(read_table(path)) for path in copies] == [4]


@pytest.mark.parametrize(
    ("one", "other"), [("1", "01"), ("sub-01", "01"), ("1.0", "1"), ('"7"', "007")]
)
def test_a_person_under_two_numbers_is_on_no_side_of_a_split(
    fake, cohort, tmp_path, ingest, one, other
):
    cohort[0] |= {"subject": one}
    cohort[1] |= {"subject": other}
    cohort[2] |= {"subject": "20"}
    out = ingest(scans=fake.table(tmp_path / "my.tsv", cohort), ingest=KEEP)
    assert usable(out) == ["20", "d"]
    reasons = {row["reason"] for row in out.excluded if "line" in row["where"]}
    assert len(reasons) == 1
    assert "the same number in other digits, such as 1 and 01" in reasons.pop()


@pytest.mark.parametrize("column", ["image", "label"])
def test_a_folder_in_place_of_a_file_is_a_row(cohort, fake, tmp_path, ingest, column):
    cohort[1][column] = "images"
    out = ingest(scans=fake.table(tmp_path / "t.tsv", cohort), ingest=KEEP)
    assert usable(out) == ["a", "c", "d"]
    assert out.reason("input.scans, line 3").startswith(f"{column}: is a folder, not")
