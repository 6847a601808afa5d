"""One bad item never fails the others, and a full disk is not hidden."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.errors import IntensityError, StageError
from medinorm.files.tables import read_table
from medinorm.jobs.shards import in_shard, run_items, shard_of


@given(scans=st.lists(st.text(min_size=1), unique=True), shards=st.integers(1, 9))
def test_each_scan_belongs_to_one_shard(scans, shards):
    rows = [{"scan": scan} for scan in scans]
    parts = [in_shard(rows, shard, shards) for shard in range(shards)]
    assert sorted(row["scan"] for part in parts for row in part) == sorted(scans)


def test_membership_is_stable():
    assert [shard_of(f"sub-{n}", 4) for n in range(8)] == [2, 3, 1, 0, 0, 0, 0, 2]


def work(item):
    if item["scan"] == "bad":
        raise IntensityError("all 8 voxels are 1")
    if item["scan"] == "bug":
        raise ValueError("Miller^John")
    return "made"


def test_bad_items_are_rows(tmp_path, caplog):
    items = [{"scan": scan} for scan in ("a", "bad", "bug", "b")]
    status = tmp_path / "status.tsv"
    run_items(items, work, status, title="try")
    states = {row["scan"]: row for row in read_table(status)}
    assert [states[s]["state"] for s in ("a", "b")] == ["ok", "ok"]
    assert states["bad"]["state"] == "failed"
    assert states["bad"]["reason"] == "all 8 voxels are 1"
    assert states["bug"]["reason"].startswith(
        "unexpected error, please report it: ValueError at test_shards.py:"
    )
    assert "Miller" not in caplog.text + status.read_text()


def test_the_table_changes_only_with_the_content(tmp_path):
    tables = []
    for state, content in [("made", "1"), ("current", "1"), ("made", "2")]:

        def finish(item, state=state, content=content):
            item["content"] = content
            return state

        status = tmp_path / "status.tsv"
        run_items([{"scan": "a"}], finish, status, title="try")
        tables.append(status.read_text())
    assert tables[0] == tables[1] != tables[2]


def test_a_bug_in_training_fails_the_job_after_the_others(tmp_path):
    items = [{"scan": scan} for scan in ("bug", "bad", "a")]
    status = tmp_path / "status.tsv"
    with pytest.raises(StageError, match="1 of 3 items failed unexpectedly"):
        run_items(items, work, status, title="try", forgiving=False)
    assert [row["state"] for row in read_table(status)] == ["failed", "failed", "ok"]


def test_a_full_disk_stops_the_shard(tmp_path):
    def full(_item):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        run_items([{"scan": "a"}], full, tmp_path / "status.tsv", title="try")
    assert not (tmp_path / "status.tsv").exists()
