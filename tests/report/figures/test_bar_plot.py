"""Bars have their count, their share, and words."""

import math

import pytest

from medinorm.report.figures.bar_plot import Bar, BarRow, draw_bars
from tests.report.page import parse_svg

KINDS = ("Missed", "Low")
ROWS = [
    BarRow("batch", [Bar(0.25, "5 of 20"), Bar(0.0, "0 of 20")]),
    BarRow("instance", [Bar(0.5, "10 of 20"), Bar(math.nan, "none")]),
]


@pytest.mark.parametrize("narrow", [False, True])
def test_lengths_are_shares_and_each_count_is_written(narrow):
    svg = parse_svg(draw_bars("Failures", KINDS, ROWS, 0.5, narrow=narrow))
    lengths = [float(bar.get("width")) for bar in svg.iter("rect")]
    assert len(lengths) == 2
    assert lengths[1] == pytest.approx(2 * lengths[0], rel=1e-3)
    texts = [text.text for text in svg.iter("text")]
    assert {"5 of 20", "0 of 20", "10 of 20", "none", *KINDS} <= set(texts)
    _, _, width, _ = map(float, svg.get("viewBox").split())
    ends = [float(bar.get("x")) + float(bar.get("width")) for bar in svg.iter("rect")]
    assert max(ends) < width - 40


def test_the_figure_says_its_counts():
    svg = parse_svg(draw_bars("Failures", KINDS, ROWS, 1.0))
    assert "batch: Missed 5 of 20, Low 0 of 20." in svg.find("desc").text


def test_what_happened_once_is_seen():
    row = BarRow("batch", [Bar(1e-6, "1 of 1,000,000")])
    (bar,) = parse_svg(draw_bars("Failures", KINDS[:1], [row], 1.0)).iter("rect")
    assert float(bar.get("width")) >= 1


def test_hostile_names_are_text_and_nothing_is_nothing():
    hostile = BarRow("<script>", [Bar(0.1, "1")])
    assert "<script>" not in draw_bars("Failures", KINDS[:1], [hostile], 1.0)
    assert "<svg" in draw_bars("Failures", KINDS, [], 1.0)
