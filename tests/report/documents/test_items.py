"""Items are numbered without a gap, and each key is a fact that a study may know."""

import re

from medinorm.report.documents.facts import gather_facts
from medinorm.report.documents.items import CARD, CLAIM, TRIPOD


def test_no_item_is_left_out():
    assert [number for number, _, _ in CLAIM] == [str(n) for n in range(1, 45)]
    numbers = [int(re.match(r"\d+", number)[0]) for number, _, _ in TRIPOD]
    assert sorted(set(numbers)) == list(range(1, 28))
    assert len({number for number, _, _ in (*TRIPOD, *CARD)}) == len(TRIPOD) + len(CARD)


def test_keys_are_names_of_facts(fake_study):
    keys = {key for _, _, key in (*CLAIM, *TRIPOD, *CARD) if key}
    facts = gather_facts(fake_study(subjects=2).inputs()).keys()
    # The fabricated study has no settings of training, no weights, no external domain.
    missing = {"selection", "imbalance", "availability", "external"}
    assert keys - facts == missing
