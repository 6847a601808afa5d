import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from medinorm.files.tables import read_table


@pytest.fixture
def canonical(fake, ingest, tmp_path):
    """The canonical folder of some scans: two subjects, one with two sessions."""

    def make(channel="T1w", subjects=("a", "b", "b")):
        rows = []
        for number, subject in enumerate(subjects):
            image = fake.nifti(tmp_path / f"i{number}.nii.gz", fake.ramp() + number)
            label = fake.nifti(
                tmp_path / f"l{number}.nii.gz", fake.blocks((20, 18, 17))
            )
            rows.append(
                {"subject": subject, "session": number, channel: image, "label": label}
            )
        table = fake.table(tmp_path / "scans.tsv", rows)
        return ingest(scans=table, channels=(channel,)).results / "canonical"

    return make


def test_the_whole_data_set_is_valid(canonical):
    """By the validator of BIDS itself, derivatives included."""
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    validator = shutil.which("bids-validator-deno", path=beside)
    if validator is None:
        pytest.skip("no bids-validator-deno: pip install bids-validator-deno")
    for channel in ("T1w", "CT"):
        folder = canonical(channel)
        done = subprocess.run(
            [validator, "--json", "--recursive", folder],
            capture_output=True,
            text=True,
            check=False,
        )
        said = json.loads(done.stdout)
        derived = said["derivativesSummary"]["/derivatives/labels/"]
        issues = [*said["issues"]["issues"], *derived["issues"]["issues"]]
        assert [issue for issue in issues if issue["severity"] == "error"] == []
        codes = {issue["code"] for issue in issues}
        assert not codes & {"TSV_ADDITIONAL_COLUMNS_UNDEFINED"}
        assert done.returncode == 0


def test_each_name_is_one_of_bids(canonical):
    checker = pytest.importorskip("bids_validator").BIDSValidator()
    folder = canonical()
    for path in folder.rglob("*"):
        if path.is_file() and path.name != ".bidsignore":
            root = folder / "derivatives" / "labels"
            name = path.relative_to(root if root in path.parents else folder)
            # The checker knows the names of raw data only.
            if "_dseg" not in name.name:
                assert checker.is_bids(f"/{name.as_posix()}"), name
    assert (folder / ".bidsignore").read_text() == ""


def test_images_that_bids_cannot_name_are_ignored(canonical):
    assert (canonical("CT") / ".bidsignore").read_text() == "*_CT.*\n"


def test_tables_list_each_subject_and_scan_once(canonical):
    folder = canonical()
    people = read_table(folder / "participants.tsv")
    assert sorted(row["scans"] for row in people) == ["1", "2"]
    assert {row["participant_id"] for row in people} == {
        path.name for path in folder.glob("sub-*")
    }
    listed = [
        table.parent / row["filename"]
        for table in folder.glob("sub-*/ses-*/*_scans.tsv")
        for row in read_table(table, required=("filename", "scanner"))
    ]
    assert sorted(listed) == sorted(folder.glob("sub-*/ses-*/anat/*.nii.gz"))
    assert len(listed) == 3


def test_a_withdrawn_subject_leaves_no_table(canonical):
    before = {path.name for path in canonical().glob("sub-*")}
    folder = canonical(subjects=("a",))
    (left,) = {path.name for path in folder.glob("sub-*")}
    assert left in before
    assert len(list(folder.rglob("*_scans.tsv"))) == 1
    assert len(read_table(folder / "participants.tsv")) == 1
