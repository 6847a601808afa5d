"""The key figure says which of its two sides is absent, and why."""

import pytest

from medinorm.report.sections.variants import write_variants
from tests.report.page import words


@pytest.mark.parametrize("designs", [("lodo",), ("pooled",), ("lodo", "pooled")])
def test_an_absent_side_is_explained(fake_study, designs):
    text = words(write_variants.write(fake_study(designs=designs).inputs()))
    assert ("There is no out-of-domain mean" in text) is ("lodo" not in designs)
    assert ("There is no in-domain mean" in text) is ("pooled" not in designs)
    assert "Marks with 95% intervals." in text


def test_every_variant_has_a_row_in_the_figure(fake_study):
    study = fake_study()
    section = write_variants.write(study.inputs())
    for name in study.inputs().findings.names.values():
        assert f'class="name">{name}</text>' in section
