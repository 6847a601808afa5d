"""Right-to-left words keep to themselves; nothing else is changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.report.figures.svg import element
from medinorm.report.html import write_html
from medinorm.report.text.isolate import isolate

HEBREW, ARABIC = "\u05d0\u05d1", "\u0633\u064a"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GE 3T", "GE 3T"),
        (f"{HEBREW} 0.5", f"\u2067{HEBREW}\u2069 0.5"),
        (f"a {HEBREW}, {ARABIC} b", f"a \u2067{HEBREW}, {ARABIC}\u2069 b"),
        (f"{HEBREW} x {HEBREW}", f"\u2067{HEBREW}\u2069 x \u2067{HEBREW}\u2069"),
        ("a\u202eb\u2066c\x07", "abc"),
    ],
)
def test_words_from_right_to_left_keep_to_themselves(text, shown):
    assert isolate(text) == shown


@given(st.text())
def test_what_is_opened_is_closed_and_twice_is_once(text):
    once = isolate(text)
    assert once.count("\u2067") == once.count("\u2069")
    assert isolate(once) == once


def test_pages_and_figures_isolate():
    assert f"\u2067{HEBREW}\u2069" in write_html("<p>{{ name }}</p>", name=HEBREW)
    assert f"\u2067{HEBREW}\u2069" in element("text", HEBREW)
    assert "\u202e" not in element("text", "a\u202eb")
