"""Unknown keys and wrong values are named in one line, patient data never."""

import pytest

from medinorm.config import AutoTrainConfig, StudyConfig, parse_study
from medinorm.config.section import section_of
from medinorm.errors import ConfigError


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"trian": {}}, "trian: unknown key; did you mean train?"),
        ({"train": {"step": 3}}, "train.step: unknown key; did you mean steps?"),
        ({"train": {"zzz": 3}}, "known keys: recipe, network"),
        ({"train": {"network": {"chanels": [1]}}}, "did you mean channels?"),
        ({"train": {"steps": 0}}, r"train.steps: .* equal to 1 \(got 0"),
        ({"train": {"steps": 0, "shots": 0}}, "and 1 more"),
    ],
)
def test_what_is_wrong_is_named(refuse, values, message):
    refuse(values, message)


def test_paths_are_not_repeated(refuse):
    text = refuse({"split": {"domain": ["/data/smith"]}}, "split.domain, entry 1")
    assert "smith" not in text


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            {"experiments": {"norm": "group"}},
            "experiments.norm: give a list, such as [group] (got 'group')",
        ),
        ({"title": 3}, "title: give text in quotes (got 3)"),
        ({"split": {"folds": "four"}}, "split.folds: give a whole number (got 'four')"),
        ({"split": {"domain": "/data/smith"}}, "split.domain: give a list, such as "),
        ({"train": {"learning_rate": "a"}}, "train.learning_rate: give a number (got"),
        ({"harmonize": {"compress": "so"}}, "harmonize.compress: give true or false"),
        ({"input": {"label_values": 3}}, "input.label_values: give keys with values"),
        ({"train": {"network": 3}}, "train.network: give keys with values"),
        ({"input": {"label_values": {1: 3}}}, "input.label_values.1: give text"),
        ({"harmonize": {"spacing": [1, 2]}}, "harmonize.spacing, entry 3: a value is"),
        (
            {"experiments": {"norm": ["group", "bach"]}},
            "experiments.norm, entry 2: unknown name 'bach'; did you mean batch? known",
        ),
        (
            {"experiments": {"norm": ["/smith"]}},
            "experiments.norm, entry 1: unknown name; known: adaptive_instance",
        ),
    ],
)
def test_remedies_are_plain_words(values, line):
    with pytest.raises(ConfigError) as refused:
        parse_study(values)
    assert str(refused.value).startswith(line)
    assert "smith" not in str(refused.value)


def test_sections_never_change():
    study = parse_study({})
    with pytest.raises(ValueError, match="frozen"):
        study.train.steps = 3


def test_a_section_is_found_in_its_field():
    fields = StudyConfig.model_fields
    assert section_of(fields["train"]) is AutoTrainConfig
    assert section_of(fields["title"]) is None
