"""Tables become records in the order of the page; what is absent stays absent."""

import pytest

from medinorm.columns.cases import Cases
from medinorm.errors import StageError
from medinorm.files.tables import read_table, write_table
from medinorm.records.evidence import CaseRow
from medinorm.records.scores import ScoreRow
from medinorm.report.findings import mean, scan_means
from medinorm.variant import Variant


def test_variants_stand_with_the_highest_dice_first(fake_study):
    """The table has them the other way round."""
    study = fake_study()
    assert [tuple(variant) for variant in study.findings().variants] == list(
        study.variants
    )


def test_values_are_typed(fake_study):
    findings = fake_study(silent=3).findings()
    row = next(row for row in findings.cases if row.score.label == 3)
    assert row.score.dice is None
    assert row.in_domain is False
    assert findings.scans[0].identity.vendor == "GE"
    assert findings.scans[0].own == {"protocol": "brain"}
    assert findings.verdict.best[0] == findings.variants[0]


def test_tables_that_need_not_exist_are_empty(fake_study):
    findings = fake_study(ranked=False).findings()
    assert findings.ranking == findings.effects == ()


def test_a_damaged_cell_is_an_error_without_its_text(fake_study):
    study = fake_study()
    path = study.root / "evidence" / "gaps.tsv"
    rows = read_table(path)
    write_table(path, [rows[0] | {"gap": "Doe^Jane"}], list(rows[0]))
    with pytest.raises(StageError, match=r"gaps\.tsv, row 1: column 'gap'") as error:
        study.findings()
    assert "Doe" not in str(error.value)


def test_unseen_domains_come_from_one_design(fake_study):
    findings = fake_study(designs=("single", "lodo", "pooled")).findings()
    assert {row.design for row in findings.held_out} == {"lodo"}
    assert {row.design for row in findings.held_out_domains} == {"lodo"}
    assert {row.design for row in findings.known_domains} == {"pooled"}


def test_scan_means_average_labels_then_seeds():
    variant = Variant("none", "batch", "flip", "none")
    rows = [
        CaseRow(
            ScoreRow(
                variant, "s", seed, "x", label, "scored", {"dice": dice}, None, None
            ),
            *("lodo", 0, "s", "1", "a", False, "none"),
        )
        for seed, label, dice in ((0, 1, 0.2), (0, 2, 0.4), (1, 1, 0.9), (1, 2, None))
    ]
    (value,) = scan_means(Cases.of(rows)).values()
    assert value == pytest.approx((0.3 + 0.9) / 2)


def test_the_mean_of_nothing_is_absent():
    assert mean([None, None]) is None
    assert mean([0.0, None]) == 0.0
