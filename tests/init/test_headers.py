"""A first look reads headers, and passes over what it cannot read."""

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import MRImageStorage, generate_uid

from medinorm.errors import StageError
from medinorm.files.nifti import Volume, write_volume
from medinorm.files.user_tables import TableRow
from medinorm.init.headers import (
    FirstLook,
    find_domain,
    look_at_bids,
    look_at_dicom,
    look_at_table,
    require_headers,
)


def write_image(path, grid=(6, 7, 8), spacing=(1.0, 2.0, 3.0)):
    array = np.zeros((1, *grid), np.float32)
    write_volume(Volume(array, np.diag([*spacing, 1.0])), path)


def write_series(folder, *, slices, series):
    """A sagittal series: rows run back, columns down."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(slices):
        file = Dataset()
        file.SOPClassUID, file.SOPInstanceUID = MRImageStorage, generate_uid()
        file.SeriesInstanceUID = series
        file.Rows, file.Columns = 40, 30
        file.PixelSpacing = [0.5, 0.7]
        file.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
        file.ImagePositionPatient = [4.0 * number, 0, 0]
        file.Manufacturer, file.ManufacturerModelName = "GE", "Signa"
        file.file_meta = FileMetaDataset()
        file.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
        file.save_as(folder / f"{number}.dcm", enforce_file_format=True)


def test_a_table(tmp_path):
    for number in range(3):
        write_image(tmp_path / f"{number}.nii.gz")
    (tmp_path / "3.nii.gz").write_bytes(b"no image")
    lines = [f"{n},{n}.nii.gz,{'ab'[n % 2]}" for n in range(4)]
    table = tmp_path / "scans.csv"
    table.write_text("\n".join(["subject,image,site", *lines]))
    look = look_at_table(table)
    assert (look.scans, len(look.headers), look.domain) == (4, 3, "site")
    assert look.headers[0].grid == (6, 7, 8)
    assert look.headers[0].spacing == (1.0, 2.0, 3.0)
    assert {header.domain for header in look.headers} == {"a", "b"}


def test_a_bids_folder(tmp_path):
    write_image(tmp_path / "sub-1" / "anat" / "sub-1_T1w.nii.gz")
    write_image(tmp_path / "sub-2" / "ses-1" / "anat" / "sub-2_ses-1_T1w.nii")
    write_image(tmp_path / "derivatives" / "sub-1" / "anat" / "sub-1_dseg.nii.gz")
    assert len(look_at_bids(tmp_path).headers) == look_at_bids(tmp_path).scans == 2


def test_a_dicom_folder(tmp_path):
    write_series(tmp_path / "a", slices=9, series="1.2.3")
    write_series(tmp_path / "localizer", slices=3, series="1.2.4")
    (tmp_path / "notes.txt").write_text("no DICOM")
    look = look_at_dicom(tmp_path)
    (header,) = look.headers
    assert (header.grid, header.spacing) == ((9, 30, 40), (4.0, 0.7, 0.5))
    assert header.domain == "GE Signa"


def test_of_a_large_folder_some_subfolders_are_read(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("medinorm.init.headers._DICOM_READ", 36)
    for number in range(8):
        write_series(tmp_path / str(number), slices=9, series=f"1.2.{number}")
    look = look_at_dicom(tmp_path)
    assert (len(look.headers), look.scans) == (4, 8)
    assert "read 36 of 72 files" in caplog.text


def test_two_echoes_of_a_series_are_one_stack(tmp_path):
    for echo in ("a", "b"):
        write_series(tmp_path / echo, slices=9, series="1.2.3")
    (header,) = look_at_dicom(tmp_path).headers
    assert (header.grid, header.spacing) == ((9, 30, 40), (4.0, 0.7, 0.5))


def test_only_columns_that_say_where_scans_come_from_are_domains():
    cells = {"subject": "{}", "image": "{}.nii", "sex": "fm", "Site": "abc"}
    rows = [
        TableRow(
            n,
            {
                k: v[n % len(v)] if k in {"sex", "Site"} else str(n)
                for k, v in cells.items()
            },
        )
        for n in range(6)
    ]
    assert find_domain(rows) == "Site"
    for row in rows:
        del row.cells["Site"]
    assert find_domain(rows) == ""  # a study over sexes answers another question
    assert find_domain(rows[:1]) == find_domain([]) == ""


def test_nothing_to_read_is_refused():
    with pytest.raises(StageError, match="no scan could be read"):
        require_headers(FirstLook((), 3))
