"""A section is one file: declared there, used by the page."""

import sys
from types import ModuleType

import pytest
from markupsafe import Markup

from medinorm.report import sections
from medinorm.report.section import _modules as modules
from medinorm.report.section import find_sections, section, write_sections
from tests.report.page import Page

NEW = """
from markupsafe import Markup
from medinorm.report.section import section

@section("notes", "Notes on {{many}}", order={order}, heading="Notes on each {{one}}")
def write_notes(inputs):
    return Markup("<p>It is new.</p>")
"""


@pytest.fixture
def new_section(tmp_path, monkeypatch):
    """A file more among the sections."""
    last = max(one.order for one in find_sections())
    (tmp_path / "notes.py").write_text(NEW.format(order=last + 1))
    monkeypatch.setattr(sections, "__path__", [*sections.__path__, str(tmp_path)])
    yield
    sys.modules.pop("medinorm.report.sections.notes", None)


@pytest.mark.usefixtures("new_section")
def test_one_more_file_is_one_more_section(fake_study):
    page = Page(fake_study().report())
    places = [page.ids.index(name) for name in ("fairness", "methods", "notes")]
    assert places == sorted(places)
    assert "#notes" in page.addresses
    assert "Notes on scanners" in page.text
    assert "Notes on each scanner It is new." in page.text


def test_a_section_with_nothing_to_show_is_left_out(fake_study):
    inputs = fake_study().inputs()
    shown = {content.anchor for content in write_sections(inputs)}
    assert {one.anchor for one in find_sections()} - shown == {
        "against",
        "calibration",
        "components",
        "expected-dice",
        "effects",
        "failures",
        "learning-curves",
        "mechanism",
        "ranks",
        "training-plan",
        "unseen-domains",
    }


@pytest.mark.parametrize(
    ("anchor", "order", "name"), [("files", 991, "anchor"), ("other", 150, "order")]
)
def test_two_sections_do_not_share_a_name_or_a_place(monkeypatch, anchor, order, name):
    module = ModuleType("twice")
    module.write = section(anchor, "Twice", order=order)(lambda _: Markup(""))
    known = list(modules())
    monkeypatch.setattr(f"{modules.__module__}._modules", lambda: [*known, module])
    with pytest.raises(ValueError, match=f"the same {name}"):
        find_sections()
