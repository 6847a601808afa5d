import unicodedata

import pytest

from medinorm.ingest.plan.table_paths import locate_file, refuse_file


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "images" / "001.nii.gz"
    path.parent.mkdir()
    path.write_bytes(b"x")
    return path


@pytest.mark.parametrize(
    "cell",
    [
        "images/001.nii.gz",
        "./images/../images/001.nii.gz",
        "images\\001.nii.gz",
        ".\\images\\001.nii.gz",
        '"images/001.nii.gz"',
        "'images\\001.nii.gz'",
        "{folder}/images/001.nii.gz",
        "file://{folder}/images/001.nii.gz",
        "file://localhost{folder}/images/001.nii.gz",
        "file:{folder}/images%2F001.nii.gz",
    ],
)
def test_ways_to_write_a_path(tmp_path, image, cell):
    path = locate_file(tmp_path, cell.format(folder=tmp_path))
    assert path.samefile(image)
    assert refuse_file(path, cell) == ""


def test_the_own_folder(tmp_path, image, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert locate_file(tmp_path / "else", "~/images/001.nii.gz") == image
    assert locate_file(tmp_path, "~nobody-of-this-name/x").name == "x"


@pytest.mark.usefixtures("image")
def test_a_backslash_may_be_part_of_a_name(tmp_path):
    odd = tmp_path / "images\\001.nii.gz"
    odd.write_bytes(b"y")
    assert locate_file(tmp_path, "images\\001.nii.gz") == odd


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_letters_with_accents_in_either_form(tmp_path, form):
    path = tmp_path / unicodedata.normalize(form, "Zürich.nii")
    path.write_bytes(b"x")
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    assert locate_file(tmp_path, unicodedata.normalize(other, path.name)) == path


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("gone.nii.gz", ""),
        ("C:\\data\\001.nii.gz", "a path of Windows"),
        ("D:/data/001.nii.gz", "a path of Windows"),
        ("\\\\server\\share\\001.nii.gz", "a path of Windows"),
        ("https://example.org/001.nii.gz", "is an address"),
        ("s3://bucket/001.nii.gz", "is an address"),
        ("file://server/001.nii.gz", "is an address"),
        ("file:///gone.nii.gz", "is an address"),
        ("x" * 5000, "its path can be that of no file"),
        ("images/001.nii.gz/label.nii.gz", "its path can be that of no file"),
        ("/dev/null", "is a device"),
        ("images", "is a folder, not a file; give the path of the image file"),
    ],
)
def test_paths_that_lead_nowhere(tmp_path, cell, reason):
    said = refuse_file(locate_file(tmp_path, cell), cell)
    assert said.startswith(reason)
    assert bool(said) == bool(reason)
    assert cell not in said


@pytest.mark.parametrize("start", [b"\0" * 128 + b"DICM", b"\x08\0\x05\0", b"", None])
def test_a_folder_of_dicom_files_is_told(tmp_path, start):
    folder = tmp_path / "case"
    (folder / "series").mkdir(parents=True)
    (folder / "README").write_text("about the data")
    if start is not None:
        (folder / "series" / "IM1").write_bytes(start)
    said = refuse_file(folder, "case")
    assert ("list it in input.dicom" in said) == bool(start)
    assert said.startswith("is a folder")
    assert "case" not in said
