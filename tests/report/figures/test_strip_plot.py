"""Strips: median and lowest scan, few or many."""

import re

import numpy as np

from medinorm.report.figures.strip_plot import draw_strips


def test_strips_show_median_and_lowest():
    svg = draw_strips(
        "A", {"x": [0.5, 0.9, 0.7, float("nan")], "y": []}, (0.4, 1.0), 480
    )
    assert "x: median 0.700, lowest 0.500, 3 scans." in svg
    assert "no score" in svg
    assert len(re.findall(r"M[\d.]+ [\d.]+h0", svg)) == 3
    assert 'class="box"' not in svg  # too few for quartiles


def marks(svg):
    """Places of the dots, and how many crosses."""
    dots = re.findall(r"M([\d.]+) ([\d.]+)h0", svg)
    crosses = re.search(r'd="([^"]*)" class="failed"', svg)
    return dots, crosses[1].count("M") if crosses else 0


def test_every_scan_of_many_is_drawn():
    scores = np.linspace(0.2, 0.9, 1000)
    dots, _ = marks(draw_strips("A", {"x": scores}, (0.0, 1.0), 980))
    assert len(dots) == 1000
    narrow = draw_strips("A", {"x": scores}, (0.0, 1.0), 360, narrow=True)
    assert len(marks(narrow)[0]) == 1000


def test_marks_at_the_same_place_are_one():
    svg = draw_strips("A", {"x": [0.5] * 1000}, (0.0, 1.0), 980)
    assert len(marks(svg)[0]) == 3  # one on each level
    assert "1000 scans" in svg


def test_a_failed_scan_is_a_cross():
    scores = [0.5, float("nan"), 0.0, 0.7]
    svg = draw_strips("A", {"x": scores}, (0.0, 1.0), 480, {"x": {2}})
    dots, crosses = marks(svg)
    assert (len(dots), crosses) == (2, 1)
    assert "3 scans, 1 of them failed with a seed" in svg


def test_a_thousand_scans_of_eight_variants_are_small():
    scores = np.random.default_rng(0).beta(8, 2, (8, 1000))
    values = {f"norm_{row}": own for row, own in enumerate(scores)}
    both = [
        draw_strips("A", values, (0.0, 1.0), width, narrow=width < 500)
        for width in (980, 360)
    ]
    assert sum(map(len, both)) < 300_000
