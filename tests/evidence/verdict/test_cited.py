"""Numbers name their cell, seen from either variant."""

from medinorm.evidence.verdict.cited import Sentence
from medinorm.records.evidence import DifferenceRow
from medinorm.variant import Variant

BATCH, GROUP = (Variant("zscore", norm, "flip", "none") for norm in ("batch", "group"))
ROW = DifferenceRow(
    *(BATCH, GROUP, 0.1, 0.05, 0.15, 0.02, 4.0, 0.01, 0.02, 0.06),
    *("better", 3, 4),
    seeds_needed=7,
)


def test_a_number_is_where_the_table_has_it():
    sentence = Sentence("ahead by ")
    sentence.cite_difference(ROW, "difference_low", ".3f", turned=False).say(".")
    (number,) = sentence.numbers
    assert sentence.text == "ahead by 0.050."
    assert (number.shown, number.value) == ("0.050", 0.05)
    assert (number.table, number.column) == ("differences", "difference_low")
    assert (number.row["norm"], number.row["other_norm"]) == ("batch", "group")


def test_seen_from_the_other_variant_it_has_the_other_sign_and_end():
    back = ROW.reverse()
    sentence = Sentence()
    sentence.cite_difference(back, "difference_low", "+.2f", turned=True).say(" ")
    sentence.cite_difference(back, "seeds_needed", "d", turned=True)
    low, seeds = sentence.numbers
    assert sentence.text == "-0.15 7"
    assert (low.value, low.column) == (0.15, "difference_high")
    assert (low.row["norm"], low.row["other_norm"]) == ("batch", "group")
    assert (seeds.value, seeds.column) == (7, "seeds_needed")
