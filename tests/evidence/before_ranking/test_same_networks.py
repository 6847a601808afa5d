"""Augmentations that made the same networks are named."""

from pathlib import Path

import pytest

from medinorm.evidence.before_ranking.run_records import RunRecords, TrainedRun
from medinorm.evidence.before_ranking.same_networks import say_same_networks
from medinorm.variant import Variant

FLIP = Variant("zscore", "batch", "flip", "none")


def say(levels, card, splits=("pooled", "single-ge")):
    variants = [FLIP._replace(augmentation=level) for level in levels]
    runs = {variant: [(split, 0) for split in splits] for variant in variants}
    records = {
        TrainedRun(variant, split, 0): {"card": card(split)} if card else {"steps": 3}
        for variant in variants
        for split in splits
    }
    return list(say_same_networks(RunRecords(Path("runs"), runs, records)))


def one_domain(split):
    return {"domains": ["ge"] if split == "single-ge" else ["ge", "philips"]}


@pytest.mark.parametrize(
    ("levels", "card", "said"),
    [
        (("flip", "none"), lambda _: {"mirror_axes": []}, "flip and none are the same"),
        (("style", "standard"), one_domain, "the same in single-ge: there was one"),
    ],
)
def test_what_did_nothing_is_named(levels, card, said):
    (sentence,) = say(levels, card)
    assert said in sentence


@pytest.mark.parametrize(
    ("levels", "card"),
    [
        (("flip", "none"), lambda _: {"mirror_axes": [0]}),
        (("flip", "standard"), lambda _: {"mirror_axes": []}),
        (("flip", "none"), lambda _: {}),
        (("flip", "none"), lambda _: "?"),
        (("flip", "none"), None),
        (("style", "none"), one_domain),
    ],
)
def test_what_differs_or_is_not_known_is_not(levels, card):
    assert say(levels, card) == []
