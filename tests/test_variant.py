"""The name of a variant says what was combined, and no more than a reader needs."""

from itertools import product

from medinorm.variant import Variant, name_variants

BATCH = Variant("zscore", "batch", "flip", "none")


def test_no_adaptation_is_not_named():
    assert BATCH.name == "zscore + batch + flip"
    assert BATCH._replace(adapt="tent").name == "zscore + batch + flip + tent"


def test_an_augmentation_is_named_where_several_are_compared():
    adapted = BATCH._replace(adapt="tent")
    assert name_variants([BATCH, adapted]) == {
        BATCH: "zscore + batch",
        adapted: "zscore + batch + tent",
    }
    other = BATCH._replace(augmentation="none")
    assert name_variants([BATCH, other]) == {
        BATCH: "zscore + batch + flip",
        other: "zscore + batch + none",
    }


def test_variants_that_differ_have_names_that_differ():
    levels = ("none", "zscore"), ("none", "batch"), ("flip", "none"), ("none", "tent")
    kinds = [Variant(*chosen) for chosen in product(*levels)]
    assert len({variant.name for variant in kinds}) == len(kinds)
    assert len(set(name_variants(kinds).values())) == len(kinds)
