"""Circles whose area is the share of each rank."""

import re

import pytest

from medinorm.report.figures.rank_plot import RankShares, draw_rank_shares


def radii(markup):
    return [float(r) for r in re.findall(r"a([\d.]+) [\d.]+ 0 1 0", markup)[::2]]


def test_areas_are_shares_and_small_ones_are_left_out():
    shares = [RankShares("batch", (0.25, 0.0, 0.749, 0.001))]
    markup = draw_rank_shares(shares, "Ranks")
    small, large = radii(markup)
    assert large**2 / small**2 == pytest.approx(0.749 / 0.25, rel=0.01)
    assert "25%" in markup
    assert "batch: rank 3" in markup


def test_names_are_escaped_and_cut():
    markup = draw_rank_shares([RankShares("<b>" + "x" * 90, (1.0,))], "Ranks")
    assert "<b>" not in markup
    assert "x" * 40 not in re.sub(r"<desc>.*?</desc>|aria-label=\"[^\"]*\"", "", markup)


def test_nothing_is_drawn_of_no_variants():
    assert "<svg" in draw_rank_shares([], "Ranks")
