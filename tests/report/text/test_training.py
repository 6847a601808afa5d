"""The text says how networks were trained, as the code does it."""

from dataclasses import replace

from medinorm.config import TrainConfig
from medinorm.method_names import AUGMENTATION_DECLARATIONS
from medinorm.records.learning_rates import RateRow
from medinorm.report.text.training import (
    RANGES,
    describe_prediction,
    describe_training,
)
from medinorm.train.changes.intensity import CHANGES


def test_the_settings_are_those_of_the_study(fake_study):
    findings = fake_study(subjects=2).findings()
    settings = {"optimizer": "sgd", "schedule": "cosine", "precision": "bf16-mixed"}
    train = TrainConfig(learning_rate=0.02, deep_supervision=True, **settings)
    text = " ".join(describe_training(findings, train))
    assert "Nesterov's momentum of 0.99" in text
    assert "falls from 0.02 to 0 along a cosine" in text
    assert "precision bf16-mixed" in text
    assert "lower resolutions" in text
    assert "largest divisor" in text  # the study has group norm
    assert "AdamW" not in text


def test_a_search_among_rates_is_told(fake_study):
    findings = fake_study(subjects=2).findings()
    first = findings.variants[0]
    rates = tuple(
        RateRow(first, "pooled", rate, 0.5, 0.1, chosen=rate == 0.1)
        for rate in (0.1, 0.2)
    )
    text = " ".join(describe_training(replace(findings, rates=rates), TrainConfig()))
    assert "chosen among 0.1, 0.2" in text


def test_without_settings_only_seeds_are_told(fake_study):
    (text,) = describe_training(fake_study(subjects=2).findings(), None)
    assert text.startswith("Each network was trained with 3 seeds")


def test_each_augmentation_has_its_ranges():
    assert RANGES.keys() == AUGMENTATION_DECLARATIONS.keys()


def test_probabilities_are_those_of_the_code():
    told = RANGES["standard"].partition("probability 0.2")[2]
    chances = [chance for _, chance in CHANGES]
    positions = [told.index(f"({chance:g})") for chance in chances[:3]]
    assert positions == sorted(positions)
    assert all(f"({chance:g})" in told for chance in chances)


def test_prediction_is_told_as_far_as_it_is_known():
    text = " ".join(describe_prediction({"predict": {"overlap": 0.5, "mirror": True}}))
    assert "overlap by 50%" in text
    assert "mirrored" in text
    assert not list(describe_prediction({"predict": "x"}))
    assert not list(describe_prediction({}))
