"""Each choice of the configuration has a sentence, and no sentence is left over."""

from typing import get_args

import pytest

from medinorm import choices
from medinorm.report.text import definitions

PAIRS = {
    "NORMS": choices.NormName,
    "INTENSITIES": choices.IntensityName,
    "FOREGROUNDS": choices.ForegroundName,
    "DESIGNS": choices.DesignName,
}


@pytest.mark.parametrize("name", PAIRS)
def test_each_choice_is_defined(name):
    texts = getattr(definitions, name)
    assert texts.keys() == set(get_args(PAIRS[name]))
    assert all(text and text[-1] != "." for text in texts.values())


def test_sentences_differ():
    texts = [*definitions.NORMS.values(), *definitions.INTENSITIES.values()]
    assert len(set(texts)) == len(texts)
