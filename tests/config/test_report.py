"""The gallery of worst cases has a limit."""

import pytest


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"worst_cases": -1}, "report.worst_cases"),
        ({"worst_cases": 51}, "report.worst_cases"),
    ],
)
def test_impossible_values_are_refused(refuse, values, message):
    refuse({"report": values}, message)
