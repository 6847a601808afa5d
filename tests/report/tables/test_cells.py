"""Cells show a number as words and sort by its value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.report.figures.svg import ABSENT
from medinorm.report.tables.cells import Cell, estimate, interval, number, word


@given(st.floats(-10, 10))
def test_estimate_keeps_the_value_for_sorting(value):
    cell = estimate(value, None, None, signed=True)
    assert cell.sort == pytest.approx(value)
    assert cell.text[0] in "+\N{MINUS SIGN}"
    assert cell.detail == ""


def test_an_interval_needs_both_ends():
    assert interval(-0.1, 0.25) == "\N{MINUS SIGN}0.100 to 0.250"
    assert interval(None, 0.25) == interval(0.1, None) == ""


def test_absent_numbers_have_no_sort_key():
    assert number(None, 3).key == ""
    assert number(0, 1).key == "0.0"
    assert Cell("x", "x").key == "x"


def test_absent_words_are_a_dash():
    assert word(None).text == word("").text == ABSENT
    assert word("Abc").key == "abc"
