"""The tolerance of surfaces is a length; what fails is a share."""

import pytest

from medinorm.config import MeasureConfig, ScoreConfig


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tolerance": 0}, "score.tolerance"),
        ({"failure": 1.5}, "score.failure"),
        ({"lesions": ["edema"]}, "score.lesions: 'edema' is no label; the labels are"),
        ({"tolerances": 2}, "did you mean tolerance"),
    ],
)
def test_impossible_values_are_refused(refuse, values, message):
    refuse({"score": values}, message)


def test_scores_do_not_depend_on_what_counts_as_a_failure():
    one, other = (ScoreConfig(tolerance=3, failure=limit) for limit in (0.2, 0.7))
    assert one.measured == other.measured == MeasureConfig(tolerance=3)
