"""Unknown keys and wrong values are named in one line, patient data never."""

import pytest

from medinorm.config import StudyConfig, TrainConfig, parse_study
from medinorm.config.section import section_of


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"trian": {}}, "trian: unknown key; did you mean train?"),
        ({"train": {"step": 3}}, "train.step: unknown key; did you mean steps?"),
        ({"train": {"zzz": 3}}, "known keys: network, patch"),
        ({"train": {"network": {"chanels": [1]}}}, "did you mean channels?"),
        ({"train": {"steps": 0}}, r"train.steps: .* equal to 1 \(got 0"),
        ({"train": {"steps": 0, "shots": 0}}, "and 1 more"),
    ],
)
def test_what_is_wrong_is_named(refuse, values, message):
    refuse(values, message)


def test_paths_are_not_repeated(refuse):
    text = refuse({"split": {"domain": ["/data/smith"]}}, "split.domain.0")
    assert "smith" not in text


def test_sections_never_change():
    study = parse_study({})
    with pytest.raises(ValueError, match="frozen"):
        study.train.steps = 3


def test_a_section_is_found_in_its_field():
    fields = StudyConfig.model_fields
    assert section_of(fields["train"]) is TrainConfig
    assert section_of(fields["title"]) is None
