"""From tables to figures: rows in words, unseen scanners framed, variants in order."""

import re

import pytest

from medinorm.files.tables import read_table, write_table
from medinorm.report.figures.charts import (
    chart_distributions,
    chart_heatmaps,
    chart_variants,
)
from tests.report.page import parse_svg


@pytest.fixture
def study(fake_study):
    """Three designs on two scanners."""
    return fake_study(scanners=("A", "B"), designs=("single", "lodo", "pooled"))


def test_heatmap_rows_are_training_sets_in_words(study):
    _, panels = chart_heatmaps(study.findings())
    texts = [node.text for node in parse_svg(panels[0].figure).iter("text")]
    rows = [text for text in texts if text.split()[0] in {"all", "only"}]
    assert rows == ["all domains", "all but A", "all but B", "only A", "only B"]


def test_heatmap_frames_what_the_network_never_saw(study):
    """Pooled saw everything; each of the other four training sets lacks one."""
    _, panels = chart_heatmaps(study.findings())
    rows = parse_svg(panels[0].figure).findall("g/g")
    framed = [
        [rect.attrib["class"] == "cell unseen" for rect in row.iter("rect")]
        for row in rows
    ]
    a, b = [True, False], [False, True]
    assert framed == [[False, False], a, b, b, a]


def test_heatmap_cells_are_the_means_of_the_tables(study):
    findings = study.findings()
    _, panels = chart_heatmaps(findings)
    assert [panel.title for panel in panels] == list(findings.names.values())
    for variant, panel in zip(findings.variants, panels, strict=True):
        shown = re.findall(r">(0\.\d{3})<", panel.figure)
        assert len(shown) == 10
        dice = study.dice(tuple(variant), "A", 1, known=False)
        dice += study.dice(tuple(variant), "A", 2, known=False)
        dice += study.dice(tuple(variant), "A", 3, known=False)
        assert f"{dice / 3:.3f}" in shown


def test_distributions_show_only_unseen_scanners_of_one_design(study):
    """Leave-one-domain-out goes before single source: one mark a scan."""
    panels = chart_distributions(study.findings())
    assert [panel.title for panel in panels] == ["A (3 scans)", "B (3 scans)"]
    marks = re.findall(r"M[\d.]+ [\d.]+(?:h0|l6.8)", panels[0].figure)
    assert len(marks) == 3 * len(study.variants)


def test_variants_are_drawn_best_first(study):
    svg = chart_variants(study.findings())
    names = [
        node.text
        for node in parse_svg(svg).iter("text")
        if node.attrib["class"] == "name"
    ]
    assert names[0] == "zscore + instance"
    assert names[-1] == "zscore + batch"


def test_the_numbers_of_a_heatmap_are_a_table_too(study):
    _, panels = chart_heatmaps(study.findings())
    table = panels[0].table
    assert [column.name for column in table.columns] == ["Row", "A", "B"]
    only_a = next(row for row in table.rows if row[0].text == "only A")
    assert [cell.detail for cell in only_a] == ["", "", "never seen"]
    drawn = re.findall(r">(0\.\d{3})<", panels[0].figure)
    assert [cell.text for row in table.rows for cell in row[1:]] == drawn


def test_a_scan_that_failed_with_one_seed_is_a_cross(study):
    path = study.root / "evidence" / "cases.tsv"
    rows = [row | {"failure": "none"} for row in read_table(path)]
    scan = study.tests[0][0]
    one = next(row for row in rows if row["scan"] == scan and row["split"] == "lodo-A")
    write_table(path, [*rows, one | {"seed": "7", "failure": "low"}], list(one))
    drawn = [panel.shown for panel in chart_distributions(study.findings())]
    assert [shown.count('class="failed"') for shown in drawn] == [2, 0]  # both widths
