"""Places in words."""

import pytest

from medinorm.evidence.verdict.ranked import name_ordinal


@pytest.mark.parametrize(
    ("number", "words"), [(2, "2nd"), (3, "3rd"), (11, "11th"), (21, "21st")]
)
def test_a_place_reads_as_one_says_it(number, words):
    assert f"{number}{name_ordinal(number)}" == words
