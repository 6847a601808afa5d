"""Dumbbells, heat maps, strips and ridges: numbers, order and extremes."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from medinorm.domain_noun import DomainNoun
from medinorm.report.figures.dumbbell_plot import Interval, Pair, draw_dumbbells
from medinorm.report.figures.heatmap import (
    Matrix,
    draw_heatmap,
    draw_scale,
    shared_scale,
)
from medinorm.report.figures.ridge_plot import Ridge, draw_ridges
from medinorm.report.figures.strip_plot import draw_strips

NOTHING = Interval(float("nan"))
SITE = DomainNoun("site")


def texts(svg: str) -> list[str]:
    """All visible text."""
    root = ET.fromstring(svg)
    return ["".join(node.itertext()) for node in root.iter("text")]


def pair(name, inside, outside):
    """A row with intervals of 0.02."""
    sides = (Interval(x, x - 0.02, x + 0.02) for x in (inside, outside))
    return Pair(name, *sides, Interval(inside - outside), Interval(outside, 0.1, 1.0))


def test_dumbbell_prints_its_numbers_and_places_marks_by_value():
    pairs = [pair("instance", 0.85, 0.8), pair("batch", 0.84, 0.4)]
    svg = draw_dumbbells(pairs, 0.95, SITE)
    shown = texts(svg)
    for value in ("0.850", "0.800", "0.050", "0.840", "0.400", "0.440"):
        assert value in shown
    x = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', svg)]
    assert x[0] > x[1]
    diamonds = [float(x) for x in re.findall(r'd="M([\d.]+) [\d.]+l8', svg)]
    assert diamonds[0] > diamonds[1] + 100
    assert x[1] > diamonds[1]


def test_dumbbell_without_one_side_draws_the_other():
    only = Pair("batch", NOTHING, Interval(0.7), NOTHING, NOTHING)
    svg = draw_dumbbells([only], 0.9, SITE)
    assert "<circle" not in svg
    assert 'class="outside"' in svg
    assert 'class="link"' not in svg
    assert texts(svg).count("\N{EN DASH}") == 2


def test_dumbbell_of_nothing_known_is_still_a_figure():
    empty = Pair("x", NOTHING, NOTHING, NOTHING, NOTHING)
    assert texts(draw_dumbbells([empty], 0.95, SITE)).count("\N{EN DASH}") == 3


def matrix(values):
    """Two training sets against two domains."""
    cells = dict(zip([("p", "a"), ("p", "b"), ("q", "a")], values, strict=True))
    return Matrix("batch", ["p", "q"], ["a", "b"], cells, {("q", "a")}, "")


def test_heatmap_prints_each_cell_and_frames_the_unseen():
    one = matrix([0.9, 0.7, 0.35])
    svg = draw_heatmap(one, shared_scale([one]))
    assert {"0.900", "0.700", "0.350", "\N{EN DASH}"} <= set(texts(svg))
    assert svg.count("cell unseen") == 1


def test_heatmaps_share_one_scale():
    low, high = matrix([0.21, 0.25, 0.3]), matrix([0.7, 0.8, 0.93])
    scale = shared_scale([low, high])
    assert (scale.low, scale.high) == (0.2, 1.0)
    assert {"0.2", "1.0"} <= set(texts(draw_scale(scale)))


def test_colours_darken_steadily():
    """Readable in grey: luminance falls from one end of the scale to the other."""
    svg = draw_scale(shared_scale([matrix([0.0, 1.0, 0.5])]))
    colours = re.findall(r'fill="#(\w\w)(\w\w)(\w\w)"', svg)
    grey = [
        0.2126 * int(r, 16) + 0.7152 * int(g, 16) + 0.0722 * int(b, 16)
        for r, g, b in colours
    ]
    assert len(grey) > 40
    assert (np.diff(grey) < 0).all()


def test_strips_tell_median_and_lowest():
    svg = draw_strips(
        "A", {"x": [0.5, 0.9, 0.7, float("nan")], "y": []}, (0.4, 1.0), 480
    )
    assert "x: median 0.700, lowest 0.500, 3 scans" in svg
    assert "no score" in texts(svg)
    assert len(re.findall(r"M[\d.]+ [\d.]+h0", svg)) == 3
    assert 'class="box"' not in svg  # too few for quartiles


def test_strips_of_many_scans_keep_the_lowest():
    scores = np.linspace(0.2, 0.9, 1000)
    svg = draw_strips("A", {"x": scores}, (0.0, 1.0), 480)
    dots = [float(x) for x in re.findall(r"M([\d.]+) [\d.]+h0", svg)]
    assert len(dots) < 100
    start = min(dots)
    assert draw_strips("A", {"x": [0.2]}, (0.0, 1.0), 480).count(f"M{start}") == 1


def ridge(domain, gain):
    """Two labels with intensities around 50 and 90, times a gain."""
    generator = np.random.default_rng(0)
    return Ridge(
        domain,
        {
            "dark": gain * generator.normal(50, 3, 500),
            "bright": gain * np.full(9, 90.0),
        },
    )


@pytest.mark.parametrize(("gain", "axis"), [(2.0, "linear"), (5000.0, "logarithmic")])
def test_ridges_choose_an_axis_on_which_all_domains_show(gain, axis):
    svg = draw_ridges([ridge("A", 1.0), ridge("B", gain)], ["dark", "bright"])
    assert f"({axis} axis, common to all)" in svg
    assert svg.count("density label-0") == svg.count("density label-1") == 2
    widths = [
        max(xs) - min(xs)
        for xs in (
            [float(x) for x in re.findall(r"([\d.]+) [\d.]+", path)]
            for path in re.findall(r'd="([^"]+)" class="density label-0"', svg)
        )
    ]
    assert min(widths) > 5


def heights(svg, label):
    """How far the curve of a label rises."""
    (path,) = re.findall(rf'd="([^"]+)" class="density label-{label}"', svg)
    ys = [float(y) for y in re.findall(r"[\d.]+ ([\d.]+)", path)]
    return max(ys) - min(ys)


def test_what_was_cut_off_does_not_flatten_the_rest():
    generator = np.random.default_rng(1)
    samples = {
        "dark": np.zeros(4000),
        "bright": generator.normal(0.5, 0.1, 4000).clip(0, 1),
    }
    svg = draw_ridges([Ridge("A", samples)], ["dark", "bright"])
    assert heights(svg, 1) == pytest.approx(heights(svg, 0), rel=0.02)
    alone = draw_ridges([Ridge("A", {"dark": np.zeros(9)})], ["dark"])
    assert heights(alone, 0) > 50


def test_ridges_without_a_sample_are_an_empty_figure():
    empty = Ridge("A", {"dark": np.array([])})
    assert "density" not in draw_ridges([empty], ["dark"])
