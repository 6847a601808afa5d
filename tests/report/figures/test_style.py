"""Each figure carries the rules it needs, with colours for a file of its own."""

import re
from importlib.resources import files

from medinorm.report.figures.style import write_style


def test_only_the_rules_that_are_needed():
    style = write_style('<line class="whisker inside"/>')
    assert "svg .whisker {" in style
    assert "svg .whisker.inside {" in style
    assert "svg circle.inside {" in style
    assert "outside" not in style
    assert "svg text {" in style  # of every figure


def test_colours_have_a_value_outside_of_the_page():
    sheet = (files("medinorm.report.pages") / "figures.css").read_text("utf-8")
    classes = " ".join(re.findall(r"\.([a-z][\w-]*)", sheet))
    style = write_style(f'<g class="{classes}"/>')
    assert len(re.findall(r"\{", style)) >= sheet.count("{")
    assert re.findall(r"var\(--[\w-]+(?!, #)[,)]", style) == []
    assert style.count("var(--") == len(re.findall(r"var\(--[\w-]+, #\w{6}\)", style))
