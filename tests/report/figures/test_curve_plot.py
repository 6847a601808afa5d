"""Learning curves: a line a run, thinned, with its last value."""

import re

import pytest

from medinorm.report.figures.curve_plot import Curve, draw_curves

NAN = float("nan")


def lines(svg):
    """The points of each line."""
    paths = re.findall(r'<path d="M([^"]*)" class="curve"', svg)
    return [[tuple(map(float, p.split())) for p in path.split("L")] for path in paths]


def test_a_line_goes_from_the_first_step_to_the_last():
    svg = draw_curves([Curve("seed 0", [10, 20, 30], [1.0, NAN, 0.5])], "Loss")
    ((first, last),) = lines(svg)
    assert first[0] < last[0]
    assert first[1] < last[1]  # downward on the page: the value fell
    assert "seed 0: 0.500 at the end" in svg


@pytest.mark.parametrize("count", [199, 200, 201, 5000])
def test_a_long_run_is_thinned_and_keeps_its_last_value(count):
    curve = Curve("a", range(1, count + 1), [*[1.0] * (count - 1), 0.25])
    assert len(curve.points) <= 200
    assert curve.points[-1] == (count, 0.25)


def test_one_value_is_a_dot_and_none_is_said():
    assert 'h0" class="curve"' in draw_curves([Curve("a", [5], [0.5])], "Dice")
    empty = draw_curves([Curve("a", [5], [NAN])], "Dice")
    assert "nothing was recorded" in empty
    assert not lines(empty)


def test_values_that_are_all_equal_have_an_axis():
    ((first, last),) = lines(draw_curves([Curve("a", [1, 2], [0.5, 0.5])], "Dice"))
    assert first[1] == last[1]


def test_names_are_escaped():
    svg = draw_curves([Curve("<script>", [1, 2], [0.5, 0.4])], "Loss")
    assert "<script>" not in svg
