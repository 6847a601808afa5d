"""The best rate of a search, and its table."""

import pytest

from medinorm.files.records import read_records, write_records
from medinorm.records.learning_rates import RateRow, find_best_rate
from medinorm.variant import Variant

VARIANT = Variant("zscore", "batch", "flip", "none")


def rows(dice):
    return [
        RateRow(VARIANT, "pooled", rate, value, value, chosen=False)
        for rate, value in dice.items()
    ]


@pytest.mark.parametrize(
    ("dice", "best"),
    [
        ({0.1: 0.2, 0.01: 0.3}, 0.01),
        ({0.1: 0.3, 0.01: 0.3}, 0.01),
        ({0.1: 0.0, 0.01: None}, 0.1),
        ({0.1: None}, None),
        ({}, None),
    ],
)
def test_the_best_rate(dice, best):
    assert find_best_rate(rows(dice)) == best


def test_what_is_written_is_read(tmp_path):
    written = rows({0.1: None, 0.01: 0.5})
    write_records(tmp_path / "learning_rates.tsv", written, RateRow)
    assert read_records(tmp_path / "learning_rates.tsv", RateRow) == written
