from dataclasses import replace
from pathlib import Path

import pytest

from medinorm.errors import StageError
from medinorm.files.atomic import write_json
from medinorm.files.records import column_names, write_records
from medinorm.files.tables import read_table
from medinorm.ingest.collect.stage import collect_scans
from medinorm.ingest.convert.stage import DATASET_NAME
from medinorm.ingest.plan.candidates import (
    Candidate,
    InputFile,
    LeftOut,
    NiftiSource,
    write_files,
    write_plan,
)
from medinorm.records.scans import (
    IDENTITY_COLUMNS,
    ExcludedRow,
    Identity,
    ScanRow,
)
from medinorm.records.status import ConvertStatus, Facts

_BIDS_TABLES = {".bidsignore", "README.md", "participants.json", "participants.tsv"}


def candidate(scan):
    source = NiftiSource({"image": Path(f"{scan}.nii")}, Path("l.nii"))
    return Candidate(f"where {scan}", scan, scan[-1:], None, source)


def converted(scan, state="ok", reason=None, **facts):
    row = candidate(scan)
    known = Facts(
        image=facts.pop("image", f"{scan}.nii.gz"),
        label=facts.pop("label", f"{scan}_dseg.nii.gz"),
        channels=("image",),
        identity=Identity(site="header"),
        checksums=facts.pop("checksums", (scan, f"label {scan}")),
        own=facts,
    )
    return ConvertStatus(
        scan=row.scan,
        subject=row.subject,
        session=row.session,
        where=row.where,
        state=state,
        reason=reason,
        facts=None if state == "failed" else known,
    )


def files_of(plan):
    """One file for each candidate."""
    for number, row in enumerate(plan):
        path = Path(f"/{number}")
        if isinstance(row, Candidate):
            yield InputFile(path, "used", row.where)
        else:
            state = "excluded" if row.kind == "files" else row.kind
            yield InputFile(path, state, row.where, row.reason)


@pytest.fixture
def collect(tmp_path):
    def run(plan, *statuses, files=None):
        write_plan(tmp_path / "plan.tsv", plan)
        write_files(tmp_path / "files.tsv", files_of(plan) if files is None else files)
        paths = []
        for number, rows in enumerate(statuses):
            paths.append(tmp_path / f"{number}.tsv")
            write_records(paths[-1], rows, ConvertStatus)
        scans, excluded = tmp_path / "scans.tsv", tmp_path / "excluded.tsv"
        write_json(
            tmp_path / "canonical" / "dataset_description.json", {"Name": DATASET_NAME}
        )
        collect_scans(
            plan=tmp_path / "plan.tsv",
            files=tmp_path / "files.tsv",
            canonical=tmp_path / "canonical",
            scans=scans,
            excluded=excluded,
            account=tmp_path / "account.tsv",
            statuses=paths,
        )
        return read_table(scans), read_table(excluded)

    return run


def test_scans_and_exclusions_add_up(collect, tmp_path):
    plan = [
        candidate("s2"),
        candidate("s1"),
        candidate("s3"),
        LeftOut("excluded", "series x", "a localizer"),
        LeftOut("files", "series y", "not DICOM"),
        LeftOut("quarantined", "series z", "burned in"),
    ]
    scans, excluded = collect(
        plan,
        [converted("s2", site="north"), converted("s3", "failed", "constant")],
        [converted("s1", "ok", site="south")],
    )
    assert [row["scan"] for row in scans] == ["s1", "s2"]
    assert [row["site"] for row in scans] == ["south", "north"]
    assert [row["reason"] for row in excluded] == [
        "constant",
        "a localizer",
        "not DICOM",
        "burned in",
    ]
    account = (tmp_path / "account.tsv").read_text().splitlines()
    assert account == [
        "state\treason\tfiles",
        "converted\t\t2",
        "excluded\ta localizer\t1",
        "excluded\tnot DICOM\t1",
        "quarantined\tburned in\t1",
        "quarantined\tconstant\t1",
    ]
    settled = read_table(tmp_path / "settled.tsv")
    assert [row["path"] for row in settled] == [f"/{n}" for n in range(6)]


def test_columns(collect, tmp_path):
    collect([candidate("s1")], [converted("s1", own="x", site="north")])
    header = (tmp_path / "scans.tsv").read_text().splitlines()[0].split("\t")
    identity = [name for name in IDENTITY_COLUMNS if name != "site"]
    known = [name for name in column_names(ScanRow) if name not in IDENTITY_COLUMNS]
    assert header == [*known, *identity, "own", "site"]
    excluded = (tmp_path / "excluded.tsv").read_text()
    assert excluded == "\t".join(column_names(ExcludedRow)) + "\n"


def test_missing_shard_is_an_error(collect):
    with pytest.raises(StageError, match="1 candidates of the plan have no status"):
        collect([candidate("s1"), candidate("s2")], [converted("s1")])


@pytest.mark.parametrize("extra", ["s1", "s9"])
def test_foreign_and_repeated_rows_are_an_error(collect, extra):
    with pytest.raises(StageError, match="1 status rows are not in the plan"):
        collect([candidate("s1")], [converted("s1")], [converted(extra)])


def test_nothing_usable_names_the_most_frequent_reasons(collect, tmp_path):
    plan = [candidate("s1")] + [LeftOut("excluded", "series x", "no label")] * 2
    with pytest.raises(
        StageError, match=r"no usable scan: no label \(2x\); flat \(1x\)"
    ):
        collect(plan, [converted("s1", "failed", "flat")])
    assert len(read_table(tmp_path / "excluded.tsv")) == 3
    assert not (tmp_path / "scans.tsv").exists()


def test_order_of_shards_does_not_matter(collect):
    plan = [candidate(f"s{number}") for number in range(4)]
    rows = [converted(f"s{number}") for number in range(4)]
    assert collect(plan, rows[:2], rows[2:]) == collect(plan, rows[3:], rows[:3])


@pytest.mark.parametrize(
    ("labels", "subjects", "kept"),
    [
        ("ll", "aa", ["s1"]),  # a copy
        ("lm", "aa", []),  # one image, two opinions
        ("ll", "ab", []),  # one image, two people
    ],
)
def test_one_image_is_one_scan(collect, labels, subjects, kept):
    names = ["s1", "s2"]
    rows = [
        replace(converted(name, checksums=("image", label)), subject=subject)
        for name, label, subject in zip(names, labels, subjects, strict=True)
    ]
    rows.append(converted("s3"))
    scans, excluded = collect([candidate(name) for name in [*names, "s3"]], rows)
    assert [row["scan"] for row in scans] == [*kept, "s3"]
    assert excluded[-1]["reason"] == "duplicate: the same image as where s1; keep one"
    assert len(excluded) == 2 - len(kept)


def test_content_is_that_of_image_and_label(collect):
    plan = [candidate("s1")]
    contents = {
        collect(plan, [converted("s1", checksums=checksums)])[0][0]["content"]
        for checksums in (("i", "l"), ("j", "l"), ("i", "m"), ("i", "l"))
    }
    assert len(contents) == 3
    assert {len(content) for content in contents} == {12}


def test_volumes_of_twins_and_strangers_are_deleted(collect, tmp_path):
    scans = ("sub-1", "sub-2", "sub-3")
    canonical = tmp_path / "canonical"
    for scan in (*scans, "sub-gone"):
        for name in (f"{scan}.nii.gz", f"{scan}_dseg.json"):
            write_json(canonical / scan / "anat" / name, {})
    rows = [
        converted(
            scan,
            checksums=(image, "label"),
            image=f"{scan}/anat/{scan}.nii.gz",
            label=f"{scan}/anat/{scan}_dseg.nii.gz",
        )
        for scan, image in zip(scans, "aab", strict=True)
    ]
    kept, _ = collect([candidate(scan) for scan in scans], rows)
    assert [row["scan"] for row in kept] == ["sub-3"]
    assert sorted(
        path.name
        for path in canonical.rglob("*")
        if "scans" not in path.name and path.name not in _BIDS_TABLES
    ) == [
        "anat",
        "dataset_description.json",
        "sub-3",
        "sub-3.nii.gz",
        "sub-3_dseg.json",
    ]
