"""An output is current only if nothing that went into it has changed."""

from dataclasses import replace

import pytest

from medinorm.files.atomic import checksum
from medinorm.files.sidecars import (
    Provenance,
    discard_others,
    discarding,
    is_current,
    recorded_checksum,
    sidecar_path,
    write_sidecar,
)

MADE = Provenance({"spacing": (1.0, 2.0), "options": {1: "a"}}, {"image": "00ff"})


@pytest.fixture
def output(tmp_path):
    path = tmp_path / "sub-01_T1w.nii.gz"
    path.write_bytes(b"voxels")
    write_sidecar(path, MADE, {"Manufacturer": "GE"})
    return path


def test_the_same_is_current(output):
    assert is_current(output, MADE)
    assert recorded_checksum(output) == checksum(output)


@pytest.mark.parametrize(
    "other",
    [
        replace(MADE, settings={"spacing": (1.0, 2.5), "options": {1: "a"}}),
        replace(MADE, inputs={"image": "00fe"}),
        replace(MADE, inputs={"image": "00ff", "label": "1"}),
        replace(MADE, version="0.0.0"),
    ],
)
def test_any_change_is_not(output, other):
    assert not is_current(output, other)


def test_missing_or_damaged_files_are_not_current(output):
    sidecar = sidecar_path(output)
    text = sidecar.read_text()
    for damaged in ("", text[:20], "[]", '{"medinorm": 3}'):
        sidecar.write_text(damaged)
        assert not is_current(output, MADE)
    sidecar.write_text(text)
    output.unlink()
    assert not is_current(output, MADE)


def test_a_failure_leaves_no_old_output(output, tmp_path):
    with discarding(output):
        pass
    assert output.exists()
    with pytest.raises(ZeroDivisionError), discarding(output, tmp_path / "none"):
        _ = 1 / 0
    assert not output.exists()
    assert not sidecar_path(output).exists()


def test_withdrawn_scans_leave_nothing(tmp_path):
    for name in (
        "sub-1_T1w.nii",
        "sub-1_T1w_label.nii",
        "sub-1_T1w.json",
        "sub-2_T1w.nii",
        "sub-2_T1w_label.nii",
        "sub-2_T1w.json",
        "other.tsv",
    ):
        (tmp_path / name).write_text("x")
    write_sidecar(tmp_path / "sub-1_T1w.nii", MADE)
    discard_others(tmp_path, ["sub-1_T1w"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "other.tsv",
        "sub-1_T1w.json",
        "sub-1_T1w.nii",
        "sub-1_T1w_label.nii",
    ]


@pytest.fixture
def foreign(tmp_path):
    """A folder of a user's: images, and what else may lie beside them."""
    for name in ("sub-9_T1w.nii.gz", "sub-9_notes.txt", "sub-9_dseg.nii.gz"):
        (tmp_path / name).write_text("mine")
    (tmp_path / "sub-9_T1w.json").write_text('{"EchoTime": 0.002}')
    return tmp_path


def test_nothing_is_deleted_in_a_folder_of_a_user(foreign):
    before = sorted(foreign.iterdir())
    discard_others(foreign, ["sub-1_T1w"])
    assert sorted(foreign.iterdir()) == before


def test_files_of_a_user_among_ours_stay(foreign):
    for scan in ("sub-1_T1w", "sub-2_T1w"):
        (foreign / f"{scan}.nii").write_text("ours")
        write_sidecar(foreign / f"{scan}.nii", MADE)
    discard_others(foreign, ["sub-1_T1w"])
    assert sorted(path.name for path in foreign.iterdir()) == [
        "sub-1_T1w.json",
        "sub-1_T1w.nii",
        "sub-9_T1w.json",
        "sub-9_T1w.nii.gz",
        "sub-9_notes.txt",
    ]
