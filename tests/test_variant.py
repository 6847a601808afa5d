"""The name of a variant says what was combined, and only that."""

from medinorm.variant import Variant


def test_no_adaptation_is_not_named():
    assert Variant("zscore", "batch", "none").name == "zscore + batch"
    assert Variant("zscore", "batch", "tent").name == "zscore + batch + tent"


def test_variants_that_differ_have_names_that_differ():
    kinds = [
        Variant(intensity, norm, adapt)
        for intensity in ("none", "zscore")
        for norm in ("none", "batch")
        for adapt in ("none", "tent")
    ]
    assert len({variant.name for variant in kinds}) == len(kinds)
