"""The tolerance of surfaces is a length."""

import pytest


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tolerance": 0}, "score.tolerance"),
        ({"tolerances": 2}, "did you mean tolerance"),
    ],
)
def test_impossible_values_are_refused(refuse, values, message):
    refuse({"score": values}, message)
