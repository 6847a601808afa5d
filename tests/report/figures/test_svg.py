"""Elements are escaped, axes are monotonic and round."""

import math
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from medinorm.report.figures.svg import (
    Axis,
    decimal,
    element,
    figure,
    fitting_axis,
    name_ticks,
    shorten,
    show_by_width,
)
from tests.report.page import parse_svg

shares = st.floats(0, 1)


@given(st.text())
def test_text_and_attributes_are_escaped(text):
    shown = element("text", text, title=text)
    assert "<" not in shown.removeprefix("<text").removesuffix("</text>").removesuffix(
        "/>"
    )
    assert shown.count('"') == 2


def test_absent_attributes_are_left_out():
    assert element("rect", x=1.0, rx=None) == '<rect x="1"/>'


def test_figure_is_announced():
    root = parse_svg(figure([], (3, 4), "Name", "More."))
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == "Name. More."
    assert root.attrib["viewBox"] == "0 0 3 4"
    assert root.find("title").text == "Name"


@given(st.floats(-1e5, 1e5))
def test_decimal_keeps_two_decimals(value):
    assert abs(float(decimal(value)) - value) <= 0.00501
    assert "e" not in decimal(value)


@given(shares, shares)
def test_axis_keeps_the_order(a, b):
    axis = Axis(0.2, 0.9, 10, 500)
    low, high = sorted((a, b))
    assert 10 <= axis(low) <= axis(high) <= 500


@given(st.lists(shares | st.just(math.nan)))
def test_fitting_axis_holds_all_values_between_multiples_of_a_tenth(values):
    axis = fitting_axis(values, (0, 1))
    assert 0 <= axis.low < axis.high <= 1
    known = [value for value in values if math.isfinite(value)]
    assert all(axis.low <= value <= axis.high for value in known)
    for end in (axis.low, axis.high):
        assert abs(end * 10 - round(end * 10)) < 1e-9


@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e4), st.integers(3, 9))
def test_ticks_are_few_and_inside(low, width, count):
    axis = Axis(low, low + width, 0, 1)
    ticks = axis.ticks(count)
    assert 1 <= len(ticks) <= count + 2
    slack = 1e-6 * max(abs(low), width, 1)
    assert all(low - slack <= tick <= low + width + slack for tick in ticks)


@given(st.text(), st.integers(1, 20))
def test_shorten_never_exceeds(text, characters):
    assert len(shorten(text, characters)) <= characters
    assert shorten(text, max(len(text), 1)) == text


@given(st.lists(shares, min_size=1), st.integers(3, 6))
def test_ticks_of_a_score_have_different_texts(values, count):
    texts = [text for _, text in name_ticks(fitting_axis(values, (0, 1)).ticks(count))]
    assert len(set(texts)) == len(texts)


def test_a_figure_is_a_file_of_its_own():
    drawn = figure([element("line", class_="grid")], (3, 4), "Name", "More.")
    root = ET.fromstring(drawn)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    (style,) = root.iter("{http://www.w3.org/2000/svg}style")
    assert "svg .grid {" in style.text


def test_two_versions_are_in_one_place():
    both = show_by_width(Markup("<svg>1</svg>"), Markup("<svg>2</svg>"))
    assert both == (
        '<div class="at-wide"><svg>1</svg></div>'
        '<div class="at-narrow"><svg>2</svg></div>'
    )
