"""Items are numbered without a gap, and each key is a fact that a study may know."""

import re

from medinorm.report.documents.facts import gather_facts
from medinorm.report.documents.items import CARD, CLAIM, TRIPOD


def test_no_item_is_left_out():
    assert [number for number, _, _ in CLAIM] == [str(n) for n in range(1, 45)]
    numbers = [int(re.match(r"\d+", number)[0]) for number, _, _ in TRIPOD]
    assert sorted(set(numbers)) == list(range(1, 28))
    assert len({number for number, _, _ in (*TRIPOD, *CARD)}) == len(TRIPOD) + len(CARD)


def test_tripod_has_its_52_items():
    """As published: which of the 27 have parts, and how many."""
    parts = {}
    for number, _, _ in TRIPOD:
        digits, letter = re.fullmatch(r"(\d+)([a-g]?)", number).groups()
        parts.setdefault(int(digits), []).append(letter)
    lettered = {n: "".join(letters) for n, letters in parts.items() if letters != [""]}
    assert lettered == {
        3: "abc",
        5: "ab",
        6: "abc",
        8: "abc",
        9: "abc",
        12: "abcdefg",
        18: "abcdef",
        20: "abc",
        23: "ab",
        27: "abc",
    }
    assert len(TRIPOD) == 52


def test_keys_are_names_of_facts(fake_study):
    keys = {key for _, _, key in (*CLAIM, *TRIPOD, *CARD) if key}
    facts = gather_facts(fake_study(subjects=2).inputs()).keys()
    # The fabricated study has no settings of training, no weights, no external domain.
    missing = {"selection", "imbalance", "availability", "external"}
    assert keys - facts == missing
