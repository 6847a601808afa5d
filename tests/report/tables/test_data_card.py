"""Counts add up, columns are summarized in few words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.records.scans import AccountRow
from medinorm.report.figures.svg import ABSENT
from medinorm.report.tables.data_card import (
    count_roles,
    count_scans,
    summarize,
    tabulate_domains,
    tabulate_files,
)


@pytest.fixture
def findings(fake_study):
    """The tables of a fabricated study."""
    return fake_study().findings()


def test_every_scan_is_in_one_state(findings):
    counts = count_scans(findings)
    assert (counts.candidates, counts.used, counts.excluded) == (19, 18, 1)
    assert (counts.files, counts.lost) == (37, 0)
    assert counts.reasons == [("1", "constant image"), ("37 files", "not DICOM")]


def test_files_in_all_states_add_up():
    account = [
        AccountRow("converted", "", 1196),
        AccountRow("quarantined", "tilt", 20),
    ]
    rows = [[cell.text for cell in cells] for cells in tabulate_files(account).rows]
    assert rows[1:] == [["quarantined", "tilt", "20"], ["all", ABSENT, "1,216"]]


def test_data_card_counts_scans_and_shows_the_users_columns(findings):
    table = tabulate_domains(findings)
    assert [column.name for column in table.columns[1:]] == findings.domain_names
    shown = {cells[0].text: [cell.text for cell in cells[1:]] for cells in table.rows}
    assert shown["Scans"] == shown["Subjects"] == ["6"] * 3
    assert shown["Test scans"] == ["3"] * 3
    assert shown["Vendor"] == ["GE", "Hyperfine", "Siemens"]
    assert shown["Repetition time (s)"][0] == "0.0033 to 0.0038"
    assert shown["protocol"] == ["brain"] * 3
    assert "Echo time (s)" not in shown  # nobody recorded it


@given(st.lists(st.floats(0.001, 100).map(lambda x: f"{x:.4g}"), min_size=4))
def test_numbers_are_summarized_by_their_range(values):
    text = summarize(values)
    if len(set(values)) > 3:
        low, high = text.split(" to ")
        assert float(low) == min(map(float, values))
        assert float(high) == max(map(float, values))


def test_each_split_has_its_roles_counted(findings):
    rows = [[cell.text for cell in cells] for cells in count_roles(findings).rows]
    assert rows[-1] == ["pooled", "pooled", "9", "0", "9"]
    assert [row[2] for row in rows[:-1]] == ["6"] * 3
