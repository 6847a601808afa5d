"""Strips: median and lowest scan, few or many."""

import re

import numpy as np

from medinorm.report.figures.strip_plot import draw_strips


def test_strips_show_median_and_lowest():
    svg = draw_strips(
        "A", {"x": [0.5, 0.9, 0.7, float("nan")], "y": []}, (0.4, 1.0), 480
    )
    assert "x: median 0.700, lowest 0.500, 3 scans" in svg
    assert "no score" in svg
    assert len(re.findall(r"M[\d.]+ [\d.]+h0", svg)) == 3
    assert 'class="box"' not in svg  # too few for quartiles


def test_strips_of_many_scans_keep_the_lowest():
    scores = np.linspace(0.2, 0.9, 1000)
    svg = draw_strips("A", {"x": scores}, (0.0, 1.0), 480)
    dots = [float(x) for x in re.findall(r"M([\d.]+) [\d.]+h0", svg)]
    assert len(dots) < 100
    start = min(dots)
    assert draw_strips("A", {"x": [0.2]}, (0.0, 1.0), 480).count(f"M{start}") == 1
