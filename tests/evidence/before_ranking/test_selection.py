"""A choice that was made on data that test is named, and nothing is ranked by it."""

from pathlib import Path

import pytest

from medinorm.evidence.before_ranking.run_records import RunRecords, TrainedRun
from medinorm.evidence.before_ranking.selection import find_oracle_selection
from medinorm.files.records import write_records
from medinorm.records.learning_rates import RateRow
from medinorm.records.scans import SplitRow
from medinorm.records.verdict import read_verdict
from medinorm.variant import Variant
from tests.evidence.before_ranking.records import write_all_records, write_record
from tests.evidence.planted import noisy

BATCH = Variant("zscore", "batch", "flip", "none")
RUN = TrainedRun(BATCH, "lodo-ge", 0)


def split_row(domain, role, number=0):
    scan = f"{domain}-{role}{number}"
    return SplitRow("lodo-ge", "lodo", 0, scan, scan, domain, role)


SPLITS = [
    split_row("philips", "train"),
    split_row("siemens", "train"),
    split_row("ge", "test"),
]
VALIDATED = [*SPLITS, split_row("philips", "validation")]
ORACLE = [*VALIDATED, split_row("ge", "validation")]


def judge(record, splits=SPLITS, rates=()):
    trained = RunRecords(Path("runs"), {BATCH: [("lodo-ge", 0)]}, {RUN: record})
    return find_oracle_selection(trained, splits, rates)


def made_for(split, domains=("philips", "siemens")):
    settings = {"settings": {"split": split}}
    return {"medinorm": settings, "card": {"domains": list(domains)}}


@pytest.mark.parametrize(
    ("record", "splits"),
    [
        ({}, ORACLE),  # nothing is known
        ({"selection": "last"}, ORACLE),  # the validation scans chose nothing
        ({"selection": "validation"}, VALIDATED),
        (made_for("lodo-ge"), SPLITS),
        ({"medinorm": "?", "card": 3}, SPLITS),
    ],
)
def test_honest_choices_are_no_obstacle(record, splits):
    assert judge(record, splits) == ""


@pytest.mark.parametrize(
    ("record", "splits", "said"),
    [
        (
            {"selection": "validation"},
            ORACLE,
            "the weights of split lodo-ge were chosen on scans of ge, which it holds",
        ),
        ({"selection": "validation"}, SPLITS, "splits.tsv has none of them"),
        ({"selection": "test"}, SPLITS, "may have been selected on test scans"),
        (made_for("pooled"), SPLITS, "trained for another split"),
        (
            made_for("lodo-ge", ("ge", "philips")),
            SPLITS,
            "was trained on a domain that this split holds out",
        ),
    ],
)
def test_oracle_selection_of_weights_is_named(record, splits, said):
    assert said in judge(record, splits)


def rate(value, dice, *, chosen):
    return RateRow(BATCH, "lodo-ge", value, dice, 0.1, chosen)


BY_VALIDATION = [rate(0.1, 0.7, chosen=False), rate(0.01, 0.8, chosen=True)]


@pytest.mark.parametrize(
    ("record", "splits", "rates", "said"),
    [
        ({"learning_rate": 0.01}, VALIDATED, BY_VALIDATION, ""),
        (
            {},
            VALIDATED,
            [rate(0.1, 0.7, chosen=True), rate(0.01, 0.8, chosen=False)],
            "zscore + batch + flip, lodo-ge, is not the one with the best Dice",
        ),
        (
            {},
            VALIDATED,
            [rate(0.1, None, chosen=True), rate(0.01, 0.8, chosen=True)],
            "is not the one with the best Dice",
        ),
        (
            {"learning_rate": 0.1},
            VALIDATED,
            BY_VALIDATION,
            "was not trained with the learning rate that validation scans chose",
        ),
        ({}, ORACLE, BY_VALIDATION, "the learning rates of split lodo-ge were chosen"),
        ({}, SPLITS, BY_VALIDATION, "splits.tsv has none of them"),
    ],
)
def test_so_is_that_of_learning_rates(record, splits, rates, said):
    reason = judge({"steps": 1} | record, splits, rates)
    assert said in reason
    assert bool(said) is bool(reason)


@pytest.fixture
def study(comparison):
    study = comparison()
    for seed, norm in enumerate(("batch", "group")):
        study.add(BATCH._replace(norm=norm), noisy(0.7 + 0.1 * seed, seed))
    write_all_records(study)
    return study


def test_a_study_with_a_pooled_network_in_the_wrong_folder_is_not_ranked(study):
    write_record(study, "group", "lodo-ge", 2, **made_for("pooled", ("ge",)))
    verdict = read_verdict(study.compare(resamples=100) / "verdict.json")
    assert not verdict.ranked
    assert "trained for another split" in verdict.sentences[0]


def test_a_study_with_a_learning_rate_chosen_by_hand_is_not_ranked(study):
    rows = [rate(0.1, 0.7, chosen=True), rate(0.01, 0.8, chosen=False)]
    table = study.folder / "learning_rates.tsv"
    write_records(table, rows, RateRow)
    evidence = study.compare(resamples=100, learning_rates=[table])
    verdict = read_verdict(evidence / "verdict.json")
    assert not verdict.ranked
    assert "learning rate" in verdict.sentences[0]
