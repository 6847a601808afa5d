"""What is said of one further domain."""

from types import SimpleNamespace

import pytest

from medinorm.domain_noun import DomainNoun
from medinorm.evidence.verdict.further import say_next
from medinorm.variant import Variant


@pytest.mark.parametrize(
    ("low", "high", "domains", "said"),
    [
        (0.30, 1.0, 3, "from 0.30 up: three scanners are too few to predict a fourth."),
        (
            0.5,
            0.9,
            4,
            "from 0.50 to 0.90: four scanners are too few to predict a fifth",
        ),
        (0.78, 0.84, 6, "is expected between 0.78 and 0.84."),
    ],
)
def test_a_wide_prediction_is_said_to_be_none(low, high, domains, said):
    row = SimpleNamespace(
        variant=Variant("zscore", "batch", "flip", "none"),
        worst_domain="ge",
        worst_dice=0.61,
        new_low=low,
        new_high=high,
        domains=domains,
    )
    sentence = say_next(row, DomainNoun("scanner"))
    assert said in sentence.text
    assert "Its worst unseen scanner was ge, with Dice 0.610." in sentence.text
