"""The matrix counts scans and subjects of each split, domain and role."""

from dataclasses import replace

from medinorm.report.sections.record.roles import tabulate_roles, write_roles
from tests.report.page import words


def test_scans_and_subjects_are_counted_by_role(fake_study):
    study = fake_study()
    findings = study.findings()
    rows = {
        row[0].text: [cell.text for cell in row[1:]]
        for row in tabulate_roles(findings).rows
    }
    assert rows["pooled"] == ["3 (3) / - / 3 (3)".replace("-", "\N{EN DASH}")] * 3
    left_out = next(name for name in rows if "GE" in name)
    assert rows[left_out][0].startswith("\N{EN DASH} / ")
    tested = next(row for row in findings.splits if row.role == "test")
    twice = replace(tested, scan="sub-999_T1w")
    more = replace(findings, splits=(*findings.splits, twice))
    counted = [cell.text for row in tabulate_roles(more).rows for cell in row]
    assert any("4 (3)" in text for text in counted)


def test_hostile_names_are_text(fake_study):
    hostile = "<script>alert(1)</script>"
    section = write_roles.write(
        fake_study(scanners=(hostile, "b"), subjects=2).inputs()
    )
    assert "<script>" not in section
    assert hostile.replace("<", "&lt;").replace(">", "&gt;") in section
    assert words(section).startswith("Rows: the network of one split.")
