"""Damaged and lost files are deleted with what vouches for them, and named."""

import pytest

from medinorm.damage import (
    checksum_of,
    require_failed,
    require_intact,
    require_unchanged,
)
from medinorm.errors import DamagedError
from medinorm.files.records import write_records
from medinorm.files.sidecars import Provenance, sidecar_path, write_sidecar
from medinorm.records.status import ScanStatus

ROWS = [
    ScanStatus("sub-1_T1w", "ok", None, "00"),
    ScanStatus("sub-2_T1w", "failed", "all voxels are 7", None),
]


@pytest.fixture
def made(tmp_path):
    """A harmonized file with its sidecar and its status table."""
    output = tmp_path / "sub-1_T1w.nii"
    output.write_bytes(b"voxels")
    write_sidecar(output, Provenance({}, {}))
    write_records(tmp_path / "status" / "shard-0.tsv", ROWS, ScanStatus)
    return output


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_what_was_written_is_intact(made):
    assert require_intact(made) == made
    assert require_unchanged(made) == made
    assert len(checksum_of(made)) == 32


@pytest.mark.parametrize("require", [require_intact, require_unchanged])
@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (flip_a_bit, "damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "damaged"),
        (lambda path: path.unlink(), "lost"),
        (lambda path: sidecar_path(path).unlink(), "damaged"),
        (lambda path: flip_a_bit(sidecar_path(path)), "damaged"),
        (lambda path: sidecar_path(path).write_text("{"), "damaged"),
    ],
)
def test_damage_is_named_and_the_next_run_mends_it(made, require, spoil, word):
    spoil(made)
    with pytest.raises(DamagedError, match=rf"sub-1_T1w\.nii is {word}.*the next"):
        require(made)
    assert [path.name for path in made.parent.rglob("[!.]*.*")] == []


def test_without_a_status_table_nothing_is_deleted(made):
    (made.parent / "status" / "shard-0.tsv").unlink()
    flip_a_bit(made)
    with pytest.raises(DamagedError, match="is damaged since it was made; make it"):
        require_intact(made)
    assert made.exists()


def test_a_file_of_another_tool_passes(tmp_path):
    foreign = tmp_path / "prediction.nii.gz"
    foreign.write_bytes(b"anything")
    assert require_unchanged(foreign) == foreign
    assert require_failed(tmp_path / "none.nii", ScanStatus, scan="none") == ""


def test_a_lost_sidecar_is_damage(made):
    sidecar_path(made).unlink()
    with pytest.raises(DamagedError, match="the next run makes it again"):
        checksum_of(made)
    assert not made.exists()


def test_failed_and_lost_are_told_apart(made):
    failed = made.with_name("sub-2_T1w.nii")
    reason = require_failed(failed, ScanStatus, scan="sub-2_T1w")
    assert reason == "all voxels are 7"
    made.unlink()
    with pytest.raises(DamagedError, match=r"sub-1_T1w\.nii is lost"):
        require_failed(made, ScanStatus, scan="sub-1_T1w")
    assert not (made.parent / "status" / "shard-0.tsv").exists()


def test_a_label_map_that_a_person_corrected_is_kept(tmp_path):
    label = tmp_path / "canonical" / "derivatives" / "sub-1_dseg.nii.gz"
    label.parent.mkdir(parents=True)
    label.write_bytes(b"voxels")
    write_sidecar(label, Provenance({}, {}))
    write_records(tmp_path / "ingest" / "shard-0.tsv", ROWS, ScanStatus)
    label.write_bytes(b"corrected")
    with pytest.raises(DamagedError, match=r"makes it again, and the changed one is"):
        require_unchanged(label)
    assert not label.exists()
    assert label.with_name(f"{label.name}.edited").read_bytes() == b"corrected"
