"""Rows are found whichever way the table has them."""

from dataclasses import replace

from medinorm.evidence.verdict import Comparison
from medinorm.records.evidence import DifferenceRow
from medinorm.variant import Variant

BATCH, GROUP = (Variant("zscore", norm, "flip", "none") for norm in ("batch", "group"))


def test_a_difference_is_found_whichever_way_the_table_has_it():
    row = DifferenceRow(
        *(BATCH, GROUP, 0.1, 0.05, 0.15, 0.02, 4.0, 0.01, 0.02, 0.06),
        *("better", 3, 4),
    )
    comparison = Comparison(summary=[], differences=[row], ranking=[])
    assert comparison.compare(BATCH, GROUP) == row
    assert comparison.compare(GROUP, BATCH) == row.reverse()
    assert comparison.compare(BATCH, BATCH) is None
    assert comparison.is_turned(GROUP, BATCH)
    assert not comparison.is_turned(BATCH, GROUP)


def test_a_difference_reversed_turns_all_that_has_a_sign():
    row = DifferenceRow(
        *(BATCH, GROUP, 0.1, 0.05, 0.15, 0.02, 4.0, 0.01, 0.02, 0.06),
        *("better", 3, 4),
    )
    row = replace(
        row, further_low=-0.1, further_high=0.3, further_verdict="better", next_low=-0.4
    )
    back = row.reverse()
    assert (back.further_low, back.further_high) == (-0.3, 0.1)
    assert (back.further_verdict, back.next_low, back.next_high) == ("worse", None, 0.4)
    assert back.reverse() == row
