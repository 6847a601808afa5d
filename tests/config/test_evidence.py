"""Intervals and resamples that cannot carry a statement are refused."""

import pytest


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"confidence": 0.5}, "evidence.confidence"),
        ({"confidence": 1}, "evidence.confidence"),
        ({"resamples": 99}, "evidence.resamples"),
        ({"equivalence": 0}, "evidence.equivalence"),
    ],
)
def test_impossible_values_are_refused(refuse, values, message):
    refuse({"evidence": values}, message)
