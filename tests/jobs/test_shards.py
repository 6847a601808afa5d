"""One bad item never fails the others, and a full disk is not hidden."""

import errno
from dataclasses import dataclass
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.errors import DamagedError, IntensityError, StageError
from medinorm.files.tables import read_table
from medinorm.jobs.shards import Done, Failed, in_shard, run_items, shard_of


class Item(NamedTuple):
    scan: str


@dataclass(frozen=True)
class Row:
    scan: str
    state: str
    reason: str | None
    content: str | None

    @classmethod
    def of(cls, item, end):
        if isinstance(end, Failed):
            return cls(item.scan, "failed", end.reason, None)
        return cls(item.scan, "ok", None, end.value)


@given(scans=st.lists(st.text(min_size=1), unique=True), shards=st.integers(1, 9))
def test_each_scan_belongs_to_one_shard(scans, shards):
    items = [Item(scan) for scan in scans]
    parts = [in_shard(items, shard, shards) for shard in range(shards)]
    assert sorted(item.scan for part in parts for item in part) == sorted(scans)


def test_membership_is_stable():
    assert [shard_of(f"sub-{n}", 4) for n in range(8)] == [2, 3, 1, 0, 0, 0, 0, 2]


def work(item):
    if item.scan == "bad":
        raise IntensityError("all 8 voxels are 1")
    if item.scan == "bug":
        raise ValueError("Miller^John")
    return Done("made", f"of {item.scan}")


def test_bad_items_are_rows(tmp_path, caplog):
    items = list(map(Item, ("a", "bad", "bug", "b")))
    status = tmp_path / "status.tsv"
    ended = run_items(items, work, status, title="try", record=Row)
    assert [item for item, _ in ended] == items
    assert [end.state for _, end in ended] == ["made", "failed", "failed", "made"]
    states = {row["scan"]: row for row in read_table(status)}
    assert [states[s]["state"] for s in ("a", "b")] == ["ok", "ok"]
    assert states["b"]["content"] == "of b"
    assert "scan bad: all 8 voxels are 1" in caplog.text
    assert states["bad"]["state"] == "failed"
    assert states["bad"]["reason"] == "all 8 voxels are 1"
    assert states["bug"]["reason"].startswith(
        "unexpected error, please report it: ValueError at test_shards.py:"
    )
    assert "Miller" not in caplog.text + status.read_text()


def test_the_table_changes_only_with_the_content(tmp_path):
    tables = []
    for state, content in [("made", "1"), ("current", "1"), ("made", "2")]:

        def finish(_item, state=state, content=content):
            return Done(state, content)

        status = tmp_path / "status.tsv"
        run_items([Item("a")], finish, status, title="try", record=Row)
        tables.append(status.read_text())
    assert tables[0] == tables[1] != tables[2]


def test_a_bug_in_training_fails_the_job_after_the_others(tmp_path):
    done = []

    def note(item):
        done.append(item.scan)
        return work(item)

    items = list(map(Item, ("bug", "bad", "a")))
    status = tmp_path / "status.tsv"
    status.write_text("of a run before")
    with pytest.raises(StageError, match="1 of 3 items failed unexpectedly"):
        run_items(items, note, status, title="try", record=Row, forgiving=False)
    assert done == ["bug", "bad", "a"]
    assert not status.exists()


@pytest.mark.parametrize("forgiving", [True, False])
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "memory ran out"),
        (OSError(errno.EIO, "x"), "Input/output error"),
        (DamagedError("a.nii is damaged"), "a.nii is damaged"),
    ],
)
def test_a_fault_of_the_machine_fails_the_job_and_no_item(
    tmp_path, error, said, forgiving
):
    """The others are done first; the next run tries this one again."""
    done = []

    def fail(item):
        if item.scan == "b":
            raise error
        done.append(item.scan)
        return Done("made", item.scan)

    items, status = list(map(Item, "abc")), tmp_path / "status.tsv"
    with pytest.raises(StageError, match=f"^try: 1 of 3 not done: .*{said}.*run again"):
        run_items(items, fail, status, title="try", record=Row, forgiving=forgiving)
    assert done == ["a", "c"]
    assert not status.exists()


def test_a_full_disk_stops_the_shard(tmp_path):
    def full(_item):
        raise OSError(errno.ENOSPC, "No space left on device")

    status = tmp_path / "status.tsv"
    with pytest.raises(OSError, match="No space"):
        run_items([Item("a")], full, status, title="try", record=Row)
    assert not status.exists()


def test_a_job_without_items_writes_the_head_of_its_table(tmp_path):
    status = tmp_path / "status.tsv"
    assert run_items([], work, status, title="try", record=Row) == []
    assert status.read_text() == "scan\tstate\treason\tcontent\n"


@pytest.mark.parametrize("shard", [-1, 2])
def test_a_shard_that_is_not_there_is_refused(shard):
    with pytest.raises(StageError, match="from 0 to 1"):
        in_shard([Item("a")], shard, 2)
