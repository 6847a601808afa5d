"""Deleting stops at what convert wrote."""

import logging
from pathlib import Path

import pytest

from medinorm.errors import StageError
from medinorm.files.atomic import write_json
from medinorm.ingest.collect.prune import prune
from medinorm.ingest.convert.stage import DATASET_NAME

LABELS = Path("derivatives", "labels")


@pytest.fixture
def canonical(tmp_path):
    folder = tmp_path / "canonical"
    write_json(folder / "dataset_description.json", {"Name": DATASET_NAME})
    return folder


def scan(root, name="sub-a"):
    """The four files of a scan, relative to the root."""
    image, label = Path(name, "ses-1", "anat"), LABELS / name / "ses-1" / "anat"
    paths = [
        folder / f"{name}_ses-1_{kind}{suffix}"
        for folder, kind in ((image, "T1w"), (label, "dseg"))
        for suffix in (".nii.gz", ".json")
    ]
    for path in paths:
        write_json(root / path, {})
    return set(paths)


def files(root):
    return {path.relative_to(root) for path in root.rglob("*") if path.is_file()}


def test_only_what_is_kept_stays(canonical, caplog):
    caplog.set_level(logging.INFO)
    kept = scan(canonical, "sub-a")
    scan(canonical, "sub-b")
    prune(canonical, kept)
    assert files(canonical) == kept | {Path("dataset_description.json")}
    assert not (canonical / "sub-b").exists()
    assert not (canonical / LABELS / "sub-b").exists()
    assert "deleted 4 files" in caplog.text
    assert "sub-b" not in caplog.text


def test_another_session_of_a_kept_subject_goes(canonical):
    kept = scan(canonical)
    write_json(canonical / "sub-a/ses-2/anat/sub-a_ses-2_T1w.json", {})
    prune(canonical, kept)
    assert files(canonical) == kept | {Path("dataset_description.json")}
    assert not (canonical / "sub-a/ses-2").exists()


def test_what_a_killed_job_left_goes(canonical):
    kept = scan(canonical)
    write_json(canonical / "sub-a/ses-1/anat/.123-sub-a_ses-1_T1w.nii.gz", {})
    prune(canonical, kept)
    assert files(canonical) == kept | {Path("dataset_description.json")}


@pytest.mark.parametrize(
    "name",
    [
        "README",
        "sub-b.nii.gz",
        "sub-b/notes.txt",
        "sub-b/anat/mine.nii.gz",
        "sub-b/anat/sub-b_T1w.mgz",
        "sourcedata/sub-b/anat/sub-b_T1w.nii.gz",
        "derivatives/mine/sub-b/anat/sub-b_dseg.nii.gz",
        "derivatives/labels/README",
    ],
)
def test_files_that_are_not_ours_stay(canonical, name):
    write_json(canonical / name, {})
    prune(canonical, set())
    assert Path(name) in files(canonical)


@pytest.mark.parametrize(
    "link", ["sub-a", "sub-b/ses-1", "derivatives", "derivatives/labels"]
)
def test_links_are_not_followed(canonical, tmp_path, link):
    outside = tmp_path / "outside"
    for place in ("", "sub-c", "labels"):
        scan(outside / place)
    before = files(outside)
    (canonical / link).parent.mkdir(parents=True, exist_ok=True)
    (canonical / link).symlink_to(outside)
    prune(canonical, set())
    assert files(outside) == before
    assert (canonical / link).is_symlink()


def test_linked_files_stay(canonical, tmp_path):
    write_json(tmp_path / "mine.json", {})
    link = canonical / "sub-b" / "sub-b_T1w.json"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "mine.json")
    prune(canonical, set())
    assert link.is_symlink()
    assert (tmp_path / "mine.json").exists()


@pytest.mark.parametrize("text", [None, "{", "[]", '{"Name": "our hospital"}'])
def test_a_folder_of_somebody_else_is_refused(tmp_path, text):
    wanted = scan(tmp_path)
    description = tmp_path / "dataset_description.json"
    if text is not None:
        description.write_text(text)
        wanted.add(Path(description.name))
    with pytest.raises(StageError, match="not one that convert wrote"):
        prune(tmp_path, set())
    assert files(tmp_path) == wanted


def test_what_killed_jobs_left_is_deleted(canonical):
    left, kept = canonical / ".12-participants.tsv", canonical / ".bidsignore"
    for path in (left, kept):
        path.touch()
    prune(canonical, keep=())
    assert not left.exists()
    assert kept.exists()
