"""Templates escape what is no markup and refuse what they do not know."""

import re

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from medinorm.report.html import write_html, write_page
from medinorm.report.tables.cells import Column, Table, number, word


def test_text_is_escaped_and_markup_is_not():
    page = write_html("{{ a }}{{ b }}", a="<b>", b=Markup("<b>"))
    assert page == "&lt;b&gt;<b>"


def test_no_text_turns_the_text_around_it():
    page = write_html("{{ a }}{{ b }}", a="x\u202ey\u2066\x07z", b=Markup("\u200e"))
    assert page == "xyz\u200e"


def test_a_name_without_a_value_is_an_error():
    with pytest.raises(UndefinedError):
        write_html("{{ nothing }}")


def test_a_table_sorts_by_its_values():
    table = Table(
        "Caption",
        [Column("Name", numeric=False), Column("Dice", "0 to 1")],
        [[word("A < B", "name"), number(0.5, 3)]],
    )
    shown = write_html("{{ show_table(table) }}", table=table)
    assert '<td data-sort="0.5" class="numeric ">0.500</td>' in shown
    head = '<th scope="row" data-sort="a &lt; b" class="words name">A &lt; B</th>'
    assert head in shown
    assert '<span class="unit">0 to 1</span>' in shown


def test_a_page_holds_style_and_script():
    page = write_page("report_page", ("page",), title="T", sections=[])
    assert "<style>:root {" in page
    assert "</script>" in page
    assert "<title>T</title>" in page


def test_the_first_column_of_words_names_the_rows():
    table = Table(
        "Caption",
        [Column("Rank"), Column("Name", numeric=False), Column("Why", numeric=False)],
        [[number(1.0, 0), word("A"), word("B")]],
    )
    shown = write_html("{{ show_table(table) }}", table=table)
    assert shown.count('<th scope="row"') == 1
    assert re.search(r'<th scope="row"[^>]*>A</th>', shown)
    assert shown.count("<td") == shown.count("</td>") == 2


def test_a_page_begins_with_a_way_to_its_content():
    page = write_page("report_page", ("page",), title="T", sections=[])
    assert page.index('<a class="skip" href="#content">') < page.index("<nav")
    assert '<main id="content" tabindex="-1">' in page
