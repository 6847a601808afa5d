"""Places in words."""

from dataclasses import fields

import pytest

from medinorm.evidence.verdict import Comparison
from medinorm.evidence.verdict.ranked import name_ordinal, say_reference
from medinorm.records.evidence import DifferenceRow, RankingRow, SummaryRow
from medinorm.variant import Variant

BATCH, GROUP = (Variant("zscore", norm, "flip", "none") for norm in ("batch", "group"))


@pytest.mark.parametrize(
    ("number", "words"), [(2, "2nd"), (3, "3rd"), (11, "11th"), (21, "21st")]
)
def test_a_place_reads_as_one_says_it(number, words):
    assert f"{number}{name_ordinal(number)}" == words


def summary(variant, dice):
    """A row of which only the Dice on unseen domains matters."""
    others = {field.name: None for field in fields(SummaryRow)}
    return SummaryRow(**others | {"variant": variant, "out_domain": dice})


@pytest.mark.parametrize(
    ("low", "words"),
    [
        (0.005, "which may or may not matter: the study is too small to say."),
        (
            0.02,
            "by itself more than 0.01 Dice; among 3 comparisons that may still be",
        ),
    ],
)
def test_an_interval_beyond_the_margin_is_not_called_too_wide(low, words):
    """The interval is of one comparison, the decision is corrected for three."""
    row = DifferenceRow(
        *(GROUP, BATCH, 0.1, low, 0.2, 0.02, 4.0, 0.03, 0.09, 0.06),
        *("undecided", 3, 4),
    )
    comparison = Comparison(
        summary=[summary(GROUP, 0.7), summary(BATCH, 0.6)],
        differences=[row, row, row],
        ranking=[
            RankingRow(place, variant, dice, None, None, None, None, None)
            for place, variant, dice in ((1, GROUP, 0.7), (2, BATCH, 0.6))
        ],
    )
    said = say_reference(comparison, BATCH, "95% interval", 0.01).text
    assert words in said
