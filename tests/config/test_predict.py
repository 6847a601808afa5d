"""How a network is applied: overlap below 1, tiles above 0."""

import pytest


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"overlap": 1.0}, "predict.overlap"),
        ({"tiles": 0}, "predict.tiles"),
        ({"statistics": "all"}, "predict.statistics: .*strided"),
    ],
)
def test_impossible_values_are_refused(refuse, values, message):
    refuse({"predict": values}, message)
