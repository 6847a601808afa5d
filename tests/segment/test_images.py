import os

import pytest

from medinorm.errors import StageError
from medinorm.files.tables import read_table
from medinorm.segment.images import list_images


def test_files_and_folders_become_rows(tmp_path):
    for name in ("a.nii.gz", "in/b.nii", "in/c.mha", "in/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    images = [tmp_path / "a.nii.gz", tmp_path / "in"]
    rows = read_table(list_images(images, tmp_path / "private", "T1w"))
    assert [row["subject"] for row in rows] == ["a", "b", "c"]
    assert rows[0]["T1w"] == str(tmp_path / "a.nii.gz")


def test_no_image_and_two_of_one_name_are_refused(tmp_path):
    with pytest.raises(StageError, match="no image file is there"):
        list_images([tmp_path], tmp_path / "private", "T1w")
    for name in ("x/a.nii", "y/a.nii"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    with pytest.raises(StageError, match="1 names stand for several files"):
        list_images([tmp_path], tmp_path / "private", "T1w")


@pytest.mark.parametrize("name", [b"a\nb.nii", b"a\tb.nii", b"\xff\xfe.nii"])
def test_a_name_that_no_table_can_hold_is_refused(tmp_path, name):
    (tmp_path / os.fsdecode(name)).touch()
    (tmp_path / "ümläut, \u00a0.nii").touch()
    with pytest.raises(StageError, match=r"1 of 2 .* rename it"):
        list_images([tmp_path], tmp_path / "private", "T1w")


def test_a_name_that_means_an_empty_cell_keeps_its_suffix(tmp_path):
    for name in ("nan.nii.gz", "NA.nii", "nando.nii"):
        (tmp_path / name).touch()
    rows = read_table(list_images([tmp_path], tmp_path / "private", "T1w"))
    assert [row["subject"] for row in rows] == ["NA.nii", "nan.nii.gz", "nando"]
