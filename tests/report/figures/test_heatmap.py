"""Heat maps: each cell its number, one scale, colours that read in grey."""

import re

import numpy as np

from medinorm.report.figures.heatmap import (
    Matrix,
    draw_heatmap,
    draw_scale,
    shared_scale,
)
from tests.report.page import parse_svg


def texts(svg):
    """All visible text."""
    return ["".join(node.itertext()) for node in parse_svg(svg).iter("text")]


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
