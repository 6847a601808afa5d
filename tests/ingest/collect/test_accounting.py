"""Every input file ends in one state, or the account is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.errors import StageError
from medinorm.ingest.collect.accounting import (
    STATES,
    SettledRow,
    count_files,
    settle_files,
)
from medinorm.ingest.plan.candidates import FileRow
from medinorm.records.status import ConvertStatus


def file(path, state="used", where="a", reason=None, others=()):
    return FileRow(path, state, where, reason, others)


def scan(where, state="ok", reason=None):
    return ConvertStatus(f"sub-{where}", where, None, where, state, reason, None)


def test_files_follow_their_scans():
    files = [
        file("1"),
        file("2", "part", "b"),
        file("3", where="c"),
        file("4", where="c", others=("a",)),
        file("5", "excluded", None, "not DICOM"),
        file("6", "quarantined", "d", "tilt"),
        file("7", "unreadable", None, "empty"),
    ]
    scans = [scan("a"), scan("b"), scan("c", "failed", "constant")]
    settled = settle_files(files, scans)
    assert [(row.state, row.reason) for row in settled] == [
        ("converted", None),
        ("split part", None),
        ("quarantined", "constant"),
        ("converted", None),
        ("excluded", "not DICOM"),
        ("quarantined", "tilt"),
        ("unreadable", "empty"),
    ]


def test_a_scan_whose_files_do_not_exist_is_accounted_for():
    gone = "unreadable"
    files = [file("1", gone, "a", "gone"), file("2", gone, "b", "gone", ("a",))]
    scans = [scan("a", "failed", "gone"), scan("b", "failed", "gone")]
    assert {row.state for row in settle_files(files, scans)} == {"unreadable"}


@pytest.mark.parametrize(
    ("files", "scans", "what"),
    [
        ([file("1"), file("1")], [scan("a")], "1 are counted twice"),
        ([file("1", where="x")], [], "1 have no final state"),
        ([file("1", "lost")], [scan("a")], "1 have no final state"),
        ([file("1", "excluded")], [], "left out without a reason"),
        ([file("1")], [scan("a"), scan("b")], "1 scans have no file"),
        ([file("1")], [scan("a", "failed")], "left out without a reason"),
    ],
)
def test_an_account_that_does_not_add_up_is_refused(files, scans, what):
    with pytest.raises(StageError, match=what):
        settle_files(files, scans)


@given(
    st.lists(
        st.tuples(st.sampled_from(STATES), st.sampled_from(["x", "y"])), max_size=30
    )
)
def test_counts_add_up_and_are_in_order(pairs):
    counted = count_files([SettledRow("", s, None, r) for s, r in pairs])
    assert sum(row.files for row in counted) == len(pairs)
    places = [STATES.index(row.state) for row in counted]
    assert places == sorted(places)
