"""Documents answer what the study knows, ask for the rest, and hold no markup."""

import pytest

from medinorm.report.documents.checklists import (
    DOCUMENTS,
    UNKNOWN,
    escape,
    format_document,
    write_documents,
)


def test_documents_are_filled_in_where_the_study_knows(fake_study, tmp_path):
    study = fake_study(subjects=2)
    write_documents(tmp_path, study.inputs())
    claim = (tmp_path / "claim.md").read_text("utf-8")
    assert "| 16 | who annotated, with which tools | not known to the study" in claim
    assert "| 20 | at which level the parts are disjoint | At the level of" in claim
    assert "zscore \\+ instance" in (tmp_path / "model_card.md").read_text("utf-8")
    assert (tmp_path / "tripod_ai.md").read_text("utf-8").count(UNKNOWN) > 10


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.name)
def test_each_item_is_one_row_of_three_cells(document):
    hostile = "a|b\n| <script>alert(1)</script> [x](javascript:y)"
    facts = {key: hostile for _, _, key in document.items if key}
    rows = format_document(document, hostile, facts).splitlines()
    table = [row for row in rows if row.startswith("|")]
    assert len(table) == 2 + len(document.items)
    assert all(row.replace("\\|", "").count("|") == 4 for row in table)
    text = "\n".join(rows)
    assert "<script" not in text.replace("\\<", "")
    assert "](" not in text


def test_escaped_texts_have_no_controls():
    assert escape("a\N{RIGHT-TO-LEFT OVERRIDE}b\tc\x07") == "ab c"
