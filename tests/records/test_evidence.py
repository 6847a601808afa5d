"""The tables of the comparison: columns that readers know, and differences reversed."""

from medinorm.files.records import column_names
from medinorm.records.evidence import (
    CaseRow,
    DifferenceRow,
    DomainRow,
    EffectRow,
    FairnessRow,
    GapRow,
    RankingRow,
    SummaryRow,
)
from medinorm.records.metrics import OTHER_METRICS
from medinorm.variant import Variant

VARIANT = ("intensity", "norm", "augmentation", "adapt")
GAP = ("gap", "gap_low", "gap_high")
OUT = ("out_domain", "out_domain_low", "out_domain_high")
DIFFERENCE = ("difference", "difference_low", "difference_high")


def test_columns_stay_where_readers_find_them():
    assert column_names(CaseRow)[-7:] == (
        *("design", "fold", "train_set", "subject", "domain", "in_domain", "failure"),
    )
    assert column_names(DomainRow) == (
        *VARIANT,
        *("design", "train_set", "domain", "in_domain", "label"),
        *("scans", "seeds", "failures", "empty"),
        *("dice", "dice_low", "dice_high", *OTHER_METRICS, "occurs"),
    )
    assert column_names(GapRow) == (
        *(*VARIANT, "domain", "pooled", "lodo", *GAP, "scans", "subjects", "seeds"),
    )
    assert column_names(SummaryRow) == (
        *(*VARIANT, "in_domain", "in_domain_low", "in_domain_high", *OUT, *GAP),
        *("new_low", "new_high", "new_factor", "domain_sd"),
        *("worst_domain", "worst_dice", *OTHER_METRICS),
        *("scans", "subjects", "domains", "seeds", "failures", "empty"),
        *("external", "external_low", "external_high", "far_scans", "without_far"),
    )
    assert column_names(DifferenceRow) == (
        *(
            *VARIANT,
            "other_intensity",
            "other_norm",
            "other_augmentation",
            "other_adapt",
            *DIFFERENCE,
        ),
        *("se", "df", "p", "p_holm", "detectable", "verdict", "scans", "seeds"),
        *("p_equivalent", "further_low", "further_high", "further_p"),
        *("further_p_holm", "further_verdict", "next_low", "next_high", "domain_sd"),
        *("domains_needed", "seeds_needed", "subjects_needed"),
    )
    assert column_names(EffectRow) == (
        *("factor", "level", "variants", *OUT, *DIFFERENCE, "p", "p_holm", "verdict"),
        *("spread", "spread_low", "spread_high", "spread_best", "spread_worst"),
    )
    assert column_names(RankingRow) == (
        *("rank", *VARIANT, *OUT, "probability_best", "rank_low", "rank_high"),
        *("corrected", "corrected_low", "corrected_high"),
    )
    assert column_names(FairnessRow) == (
        *(*VARIANT, "runs", "seconds_per_step", "peak_memory_mb", "parameters"),
        "training_scans",
        *("steps", "learning_rate", "batch_size", "threads"),
    )


def test_a_difference_reversed_is_that_of_the_other_variant():
    one, other = (
        Variant("zscore", norm, "flip", "none") for norm in ("batch", "group")
    )
    row = DifferenceRow(
        *(one, other, 0.1, 0.05, None, 0.02, 4.0, 0.01, 0.02, 0.06),
        *("better", 3, 4),
    )
    back = row.reverse()
    assert (back.variant, back.other, back.verdict) == (other, one, "worse")
    assert (back.difference, back.difference_low, back.difference_high) == (
        *(-0.1, None, -0.05),
    )
    assert back.reverse() == row
    assert back.p_holm == row.p_holm
