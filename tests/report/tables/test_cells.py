"""Cells sort by value, differences turn, counts add up, words fit the facts."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.config import (
    HarmonizeConfig,
    NetworkConfig,
    ScoreConfig,
    TrainConfig,
)
from medinorm.report.figures.svg import ABSENT
from medinorm.report.findings import read_findings, scan_means
from medinorm.report.tables.cells import Cell, estimate, figures
from medinorm.report.tables.comparisons import (
    compare_with,
    find_unequal,
    tabulate_differences,
)
from medinorm.report.tables.data_card import (
    settle,
    summarize,
    tabulate_domains,
    tabulate_files,
)
from medinorm.report.tables.scores import tabulate_labels, tabulate_summary
from medinorm.report.text.methods import Settings, describe_methods
from medinorm.variant import Variant


@pytest.fixture
def findings(fake_study):
    """The tables of a fabricated study."""
    return read_all(fake_study())


def read_all(study):
    """The tables of a study."""
    tables = (study.root / f"{name}.tsv" for name in ("scans", "excluded", "splits"))
    labels = {1: "white matter", 2: "gray matter", 3: "cerebrospinal fluid"}
    return read_findings(*tables, study.root / "evidence", labels)


@given(st.floats(-10, 10))
def test_estimate_keeps_the_value_for_sorting(value):
    cell = estimate({"gap": f"{value:.9g}"}, "gap", signed=True)
    assert cell.sort == pytest.approx(value)
    assert cell.text[0] in "+\N{MINUS SIGN}"
    assert cell.detail == ""


def test_absent_numbers_have_no_sort_key():
    assert figures("", 3).key == ""
    assert figures("0", 1).key == "0.0"
    assert Cell("x", "x").key == "x"


def test_every_difference_with_the_best_reads_from_the_best(findings):
    last = findings.variants[-1]
    rows = compare_with(findings, last)
    assert len(rows) == len(findings.variants) - 1
    table = tabulate_differences(findings, rows)
    for cells in table.rows:
        assert cells[0].text == last.name
        assert cells[2].text == "\N{MINUS SIGN}0.031"
        assert cells[2].detail == "\N{MINUS SIGN}0.043 to \N{MINUS SIGN}0.019"
        assert cells[-1].text == "worse"


def test_best_and_those_not_told_from_it_are_marked(findings):
    details = [cells[0].detail for cells in tabulate_summary(findings).rows]
    assert details == ["best", "not told from the best", "", "", ""]


def test_label_means_weigh_domains_equally(findings):
    variant = findings.variants[0]
    rows = [
        float(row["dice"])
        for row in findings.domains
        if row["norm"] == variant.norm
        and (row["design"], row["in_domain"], row["label"]) == ("lodo", "no", "2")
        and row["adapt"] == "none"
    ]
    assert len(rows) == 3
    (cells,) = (
        cells
        for cells in tabulate_labels(findings).rows
        if (cells[0].text, cells[1].text) == (variant.name, "gray matter")
    )
    assert cells[3].text == f"{sum(rows) / 3:.3f}"


def test_scan_means_average_labels_then_seeds():
    variant = Variant("none", "batch", "none")._asdict()
    rows = [
        variant | {"split": "s", "seed": seed, "domain": "a", "scan": "x", "dice": dice}
        for seed, dice in (("0", "0.2"), ("0", "0.4"), ("1", "0.9"), ("1", ""))
    ]
    (value,) = scan_means(rows).values()
    assert value == pytest.approx((0.3 + 0.9) / 2)


def test_settings_that_differ_are_named(findings):
    assert find_unequal(findings) == []
    first, *others = findings.fairness
    uneven = replace(findings, fairness=(first | {"steps": "10"}, *others))
    assert find_unequal(uneven) == ["steps"]


def test_every_scan_is_in_one_state(findings):
    account = settle(findings)
    assert (account.candidates, account.used, account.excluded) == (19, 18, 1)
    assert (account.files, account.lost) == (37, 0)
    assert account.reasons == [("1", "constant image"), ("37 files", "not DICOM")]


def test_files_in_all_states_add_up():
    account = [
        {"state": "converted", "reason": "", "files": "1196"},
        {"state": "quarantined", "reason": "tilt", "files": "20"},
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


def test_methods_follow_the_designs(fake_study):
    text = describe(read_all(fake_study(designs=("pooled",), seeds=1)))
    assert "leave one domain out (" not in text
    assert "did not run both" in text
    assert "with 1 seed, with the same data" in text


def test_methods_give_the_settings_of_the_statistics(findings):
    text = describe(findings)
    assert "95% intervals" in text
    assert "2,000 bootstrap resamples" in text
    assert "± 0.01 Dice" in text
    assert "at most 0.05" in text
    assert not math.isnan(findings.confidence)


def test_methods_give_the_settings_of_the_stages(findings):
    network = NetworkConfig(name="dynunet", channels=(8, 24))
    text = describe(
        findings,
        Settings(
            HarmonizeConfig(spacing=(1, 1.5, 3), foreground="positive"),
            TrainConfig(network=network, steps=1234, selection="validation"),
            ScoreConfig(tolerance=2.5),
        ),
    )
    assert "voxels of 1 x 1.5 x 3 mm" in text
    assert "Foreground, where one is measured: voxels above 0." in text
    assert "dynunet with 8, 24 channels" in text
    assert "1,234 steps of 2 patches of 48 x 48 x 48 voxels" in text
    assert "best Dice on validation subjects" in text
    assert "within 2.5 mm of each other" in text


def describe(findings, settings=None) -> str:
    """All sentences of the methods."""
    return " ".join(
        sentence
        for paragraph in describe_methods(findings, settings or Settings())
        for sentence in paragraph.sentences
    )
