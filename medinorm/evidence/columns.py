"""The tables of the comparison: what the report reads.

An interval is two columns, `<value>_low` and `<value>_high`. Dice, NSD and gaps are
fractions, distances are in mm. Absent is an empty cell.
"""

from medinorm.scan import SCORE_COLUMNS

VARIANT_COLUMNS = ("intensity", "norm", "adapt")

# One row a score: which design it belongs to, and whether the network saw its domain.
CASE_COLUMNS = (
    *SCORE_COLUMNS,
    "design",
    "fold",
    "train_set",  # the split without its fold
    "subject",
    "domain",  # of the scan
    "in_domain",  # yes or no: did the network train on this domain
    "failure",  # yes or no: no prediction, or one of the two is empty
)

# `label` is a value of the label map, or `mean` of all. `failures` and `empty` count
# pairs of scan and seed: nothing usable was predicted (of `mean`: for one label at
# least), or there was nothing to score (of `mean`: for any label).
DOMAIN_COLUMNS = (
    *VARIANT_COLUMNS,
    "design",
    "train_set",
    "domain",
    "in_domain",
    "label",
    "scans",
    "seeds",
    "failures",
    "empty",
    "dice",
    "dice_low",
    "dice_high",
    "nsd",
    "hd95",
)

# Pooled minus leave-one-domain-out, on the same scans of the held-out domain.
GAP_COLUMNS = (
    *VARIANT_COLUMNS,
    "domain",
    "pooled",
    "lodo",
    "gap",
    "gap_low",
    "gap_high",
    "scans",
    "subjects",
    "seeds",
)

SUMMARY_COLUMNS = (
    *VARIANT_COLUMNS,
    "in_domain",  # Dice of the pooled networks
    "in_domain_low",
    "in_domain_high",
    "out_domain",  # Dice on domains the network never saw
    "out_domain_low",
    "out_domain_high",
    "gap",
    "gap_low",
    "gap_high",
    "new_low",  # prediction interval for one further domain
    "new_high",
    "new_factor",  # its half-width, in standard deviations between domains
    "domain_sd",  # standard deviation between domains
    "worst_domain",
    "worst_dice",
    "nsd",  # out of domain, as is all that follows
    "hd95",
    "scans",
    "subjects",
    "domains",
    "seeds",
    "failures",
    "empty",
)

# Out-of-domain Dice of a variant minus that of the other, on the same scans.
DIFFERENCE_COLUMNS = (
    *VARIANT_COLUMNS,
    *(f"other_{name}" for name in VARIANT_COLUMNS),
    "difference",
    "difference_low",
    "difference_high",
    "se",
    "df",
    "p",
    "p_holm",
    "detectable",  # difference that such a study finds with 80 % probability
    "verdict",  # better, worse, equivalent or undecided
    "scans",
    "seeds",
)

# Out-of-domain Dice of each intensity as the mean over norms, and the reverse.
EFFECT_COLUMNS = (
    "factor",  # intensity or norm
    "level",
    "variants",  # how many the mean is over
    "out_domain",
    "out_domain_low",
    "out_domain_high",
    "difference",  # minus the highest level of the factor
    "difference_low",
    "difference_high",
    "p",
    "p_holm",
    "verdict",  # highest, worse, equivalent or undecided
    "spread",  # best minus worst level of the other factor, within this one
    "spread_low",
    "spread_high",
    "spread_best",
    "spread_worst",
)

RANKING_COLUMNS = (
    "rank",
    *VARIANT_COLUMNS,
    "out_domain",
    "out_domain_low",
    "out_domain_high",
    "probability_best",
    "rank_low",
    "rank_high",
)

# Facts of training that ought to agree between variants: one value, or all that occur.
FAIRNESS_FACTS = (
    "parameters",
    "steps",
    "learning_rate",
    "batch_size",
    "augmentation",
    "threads",
)
FAIRNESS_COLUMNS = (
    *VARIANT_COLUMNS,
    "runs",
    "seconds_per_step",  # median
    "peak_memory_mb",  # largest
    *FAIRNESS_FACTS,
)
