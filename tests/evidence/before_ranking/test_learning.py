"""Networks that have not learned are named, and nothing is ranked by them."""

import pytest

from medinorm.evidence.before_ranking.learning import measure_fall
from medinorm.files.records import write_records
from medinorm.files.tables import read_table
from medinorm.records.evidence import CurveRow
from medinorm.records.history import HistoryRow
from medinorm.records.verdict import read_verdict
from medinorm.variant import Variant

FLAT, FALLING = (1.4, 0.8, 0.65, 0.6), (1.4, 1.1, 0.8, 0.5)
VARIANTS = [("zscore", norm, "flip", "none") for norm in ("batch", "group")]


@pytest.fixture
def study(comparison):
    return comparison({"ge": 4, "philips": 4, "siemens": 4})


def with_histories(study, losses, dice=0.7):
    """Two variants whose runs all have one history; their verdict and folder."""
    for place, variant in enumerate(VARIANTS):
        study.add(variant, lambda *_, place=place: dice - dice * 0.2 * place)
        for _, split, _ in study.all_splits():
            for seed in study.seeds:
                folder = study.folder / "runs" / "zscore" / variant[1] / "flip" / split
                rows = [
                    HistoryRow(50 * n, loss, 0.01, 0.1)
                    for n, loss in enumerate(losses, start=1)
                ]
                write_records(folder / f"seed-{seed}/history.tsv", rows, HistoryRow)
    evidence = study.compare()
    return read_verdict(evidence / "verdict.json").sentences, evidence


def test_histories_become_one_table(study):
    _, evidence = with_histories(study, FLAT)
    rows = read_table(evidence / "curves.tsv")
    runs = len(VARIANTS) * len(list(study.all_splits())) * len(study.seeds)
    assert len(rows) == runs * len(FLAT)
    assert rows[0]["loss"] == "1.4"
    assert rows[0]["validation_dice"] == ""


def test_networks_that_learned_are_ranked(study):
    sentences, evidence = with_histories(study, FLAT)
    assert not any("learn" in sentence for sentence in sentences)
    assert read_table(evidence / "ranking.tsv")


@pytest.mark.parametrize(
    ("losses", "dice", "said"),
    [
        (FALLING, 0.7, "have not finished learning: the loss still falls at the end"),
        (FLAT, 0.028, "have not learned: on data like their training data the mean"),
    ],
)
def test_networks_that_did_not_learn_are_not_ranked(study, losses, dice, said):
    sentences, evidence = with_histories(study, losses, dice)
    assert any(said in sentence for sentence in sentences)
    assert not read_table(evidence / "ranking.tsv")


@pytest.mark.parametrize(
    "losses",
    [(0.05, 0.0501, 0.05, 0.0501), (0.0502, 0.0501, 0.0501, 0.05), (1, 2, 3, 4)],
)
def test_a_plateau_is_no_fall(losses):
    rows = [
        CurveRow(Variant(*VARIANTS[0]), "a", 0, 10 * n, loss)
        for n, loss in enumerate(losses, start=1)
    ]
    assert measure_fall(rows) == 0


@pytest.mark.parametrize("count", [1, 2, 3])
def test_too_few_rows_say_nothing(count):
    variant = Variant(*VARIANTS[0])
    rows = [CurveRow(variant, "a", 0, 10 * n, 1 / n) for n in range(1, count + 1)]
    assert measure_fall(rows) is None
