"""The methods text knows every choice of the configuration."""

from typing import get_args

from medinorm.choices import (
    AdaptName,
    DesignName,
    ForegroundName,
    IntensityName,
    NormName,
)
from medinorm.config import HarmonizeConfig
from medinorm.report.findings import read_findings
from medinorm.report.text import definitions
from medinorm.report.text.methods import Settings, describe_methods


def test_every_choice_is_defined():
    assert set(definitions.NORMS) == set(get_args(NormName))
    assert set(definitions.INTENSITIES) == set(get_args(IntensityName))
    assert set(definitions.FOREGROUNDS) == set(get_args(ForegroundName))
    assert set(definitions.ADAPTS) | {"none"} == set(get_args(AdaptName))
    assert set(definitions.DESIGNS) == set(get_args(DesignName))


def described(study, **harmonize):
    """The paragraph about normalizations."""
    tables = [study.root / name for name in ("scans.tsv", "excluded.tsv", "splits.tsv")]
    findings = read_findings(*tables, study.root / "evidence", {1: "a"})
    settings = Settings(harmonize=HarmonizeConfig(**harmonize))
    paragraphs = describe_methods(findings, settings)
    (found,) = [p for p in paragraphs if p.head == "Normalizations"]
    return " ".join(found.sentences)


def test_parameters_of_what_was_run_are_told(fake_study):
    variants = [(i, "batch", "none") for i in ("nyul", "clip", "adaptive_instance")]
    options = {"adaptive_instance": {"alpha": 0.5}, "fcm": {"tissue": "middle"}}
    text = described(
        fake_study(variants=variants),
        intensity_options=options,
        bias_field="n4",
        background=0,
    )
    assert "references 8, alpha 0.5, standardize yes" in text
    assert "percentiles 1 10 20 30 40 50 60 70 80 90 99, scale 0 1" in text
    assert "low -1000, high 1000" in text
    assert "fuzzy" not in text
    assert "corrected with N4" in text
    assert "set to 0 in the end" in text


def test_the_foreground_is_told_where_one_is_measured(fake_study):
    one = fake_study(variants=[("none", "batch", "none")])
    assert "Foreground" not in described(one)
    label = fake_study(variants=[("population", "batch", "none")])
    text = described(label, foreground="label")
    assert "no label map of a test scan was read" in text
