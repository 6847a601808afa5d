"""Dumbbells: numbers, places and what is absent."""

import re

from medinorm.domain_noun import DomainNoun
from medinorm.report.figures.dumbbell_plot import (
    DiceInterval,
    VariantRow,
    draw_dumbbells,
)
from tests.report.page import parse_svg

NOTHING = DiceInterval(float("nan"))
SITE = DomainNoun("site")


def texts(svg):
    """All visible text."""
    return ["".join(node.itertext()) for node in parse_svg(svg).iter("text")]


def pair(name, inside, outside):
    """A row with intervals of 0.02."""
    sides = (DiceInterval(x, x - 0.02, x + 0.02) for x in (inside, outside))
    gap, new = DiceInterval(inside - outside), DiceInterval(outside, 0.1, 1.0)
    return VariantRow(name, *sides, gap, new)


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
    only = VariantRow("batch", NOTHING, DiceInterval(0.7), NOTHING, NOTHING)
    svg = draw_dumbbells([only], 0.9, SITE)
    assert "<circle" not in svg
    assert 'class="outside"' in svg
    assert 'class="link"' not in svg
    assert texts(svg).count("\N{EN DASH}") == 2


def test_dumbbell_of_nothing_known_is_still_a_figure():
    empty = VariantRow("x", NOTHING, NOTHING, NOTHING, NOTHING)
    assert texts(draw_dumbbells([empty], 0.95, SITE)).count("\N{EN DASH}") == 3


def cuts(new, interval=(0.68, 0.72)):
    """How many arrows the prediction of the only row has."""
    outside = DiceInterval(0.7, *interval)
    row = VariantRow("x", NOTHING, outside, NOTHING, DiceInterval(0.7, *new))
    return draw_dumbbells([row], 0.95, SITE).count('class="cut"')


def test_intervals_are_whole_and_cut_predictions_have_an_arrow():
    assert cuts((0.62, 0.78)) == 0
    assert cuts((0.0, 0.78)) == 1
    assert cuts((0.0, 1.0)) == 2
    assert cuts((0.0, 1.0), interval=(0.02, 0.98)) == 0  # the axis is all of it


def test_the_narrow_figure_holds_the_same_numbers():
    pairs = [pair("instance", 0.85, 0.8), pair("batch", 0.84, 0.4)]
    wide, narrow = (
        texts(draw_dumbbells(pairs, 0.95, SITE, narrow=small))
        for small in (False, True)
    )
    numbers = [text for text in wide if re.fullmatch(r"0\.\d{3}", text)]
    assert [text for text in narrow if re.fullmatch(r"0\.\d{3}", text)] == numbers
    assert {"instance", "batch"} <= set(narrow)
