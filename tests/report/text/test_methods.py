"""The methods text knows every choice of the configuration."""

from dataclasses import replace
from typing import get_args

from medinorm.choices import (
    AdaptName,
    DesignName,
    ForegroundName,
    IntensityName,
    NormName,
)
from medinorm.config import (
    HarmonizeConfig,
    NetworkConfig,
    ScoreConfig,
    TrainConfig,
)
from medinorm.records.metrics import METRICS
from medinorm.report.text import definitions
from medinorm.report.text.methods import (
    StageSettings,
    _division,
    define_terms,
    describe_methods,
)


def test_every_choice_is_defined():
    assert set(definitions.NORMS) == set(get_args(NormName))
    assert set(definitions.INTENSITIES) == set(get_args(IntensityName))
    assert set(definitions.FOREGROUNDS) == set(get_args(ForegroundName))
    assert set(definitions.ADAPTS) == set(get_args(AdaptName))
    assert set(definitions.DESIGNS) == set(get_args(DesignName))


def described(study, **harmonize):
    """The paragraph about normalizations."""
    stages = StageSettings(harmonize=HarmonizeConfig(**harmonize))
    paragraphs = describe_methods(study.findings(), stages)
    (only,) = [p for p in paragraphs if p.head == "Normalizations"]
    return " ".join(only.sentences)


def describe(study, stages=None):
    """All sentences of the methods."""
    return " ".join(
        sentence
        for paragraph in describe_methods(study.findings(), stages or StageSettings())
        for sentence in paragraph.sentences
    )


def test_parameters_of_what_was_run_are_given(fake_study):
    variants = [
        (i, "batch", "flip", "none") for i in ("nyul", "clip", "adaptive_instance")
    ]
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
    assert "voxels outside of it were set to 0" in text


def test_the_foreground_is_given_where_one_is_measured(fake_study):
    one = fake_study(variants=[("none", "batch", "flip", "none")])
    assert "Foreground" not in described(one)
    label = fake_study(variants=[("population", "batch", "flip", "none")])
    text = described(label, foreground="label")
    assert "no label map of a test scan was read" in text


def test_methods_follow_the_designs(fake_study):
    text = describe(fake_study(designs=("pooled",), seeds=1))
    assert "leave one domain out (" not in text
    assert "did not run both" in text
    assert "with 1 seed, with the same data" in text


def test_methods_give_the_settings_of_the_statistics(fake_study):
    text = describe(fake_study())
    assert "95% intervals" in text
    assert "2,000 bootstrap resamples" in text
    assert "± 0.01 Dice" in text
    assert "at most 0.05" in text


def test_methods_give_the_settings_of_the_stages(fake_study):
    network = NetworkConfig(name="dynunet", channels=(8, 24, 48))
    text = describe(
        fake_study(),
        StageSettings(
            HarmonizeConfig(spacing=(1, 1.5, 3), foreground="positive"),
            TrainConfig(network=network, steps=1234, selection="validation"),
            ScoreConfig(tolerance=2.5),
        ),
    )
    assert "voxels of 1 x 1.5 x 3 mm" in text
    assert "Foreground, where one is measured: voxels above 0." in text
    assert "dynunet with 8, 24, 48 channels" in text
    assert "1,234 steps of 2 patches of 48 x 48 x 48 voxels" in text
    assert "best Dice on validation subjects" in text
    assert "The tolerance of surfaces is 2.5 mm." in text


def test_terms_name_the_columns_of_the_domain(fake_study):
    usual = define_terms(fake_study().findings())
    assert usual["Domain"].endswith("usually the scanner.")
    pair = define_terms(fake_study(domain=("vendor", "model")).findings())
    assert pair["Domain"].endswith("here vendor+model.")


def test_every_metric_is_defined(fake_study):
    findings = fake_study().findings()
    text, terms = describe(fake_study()), define_terms(findings)
    for metric in METRICS.values():
        assert (f"{metric.title}: {metric.text}." in text) != metric.of_lesions
        assert metric.text in terms[metric.title]
    worst = "ASD the image diagonal, HD95 the image diagonal."
    assert f"A missing prediction scores Dice 0, NSD 0, {worst}" in text


def test_the_sizes_that_the_gap_compares_are_given(fake_study):
    usual = describe(fake_study())
    assert "a part of the gap is the smaller number of scans" in usual
    matched = describe(fake_study(designs=("lodo", "pooled", "size_matched")))
    assert "the gap compares networks of equally many scans" in matched
    assert "the score of the size-matched pooled network" in matched
    assert "smaller number of scans" not in matched


def test_domains_that_only_test_are_named(fake_study):
    findings = fake_study().findings()
    assert findings.external_names == []
    assert "only tested" not in " ".join(_division(findings))
    outside = findings.domain_names[0]
    rows = [r for r in findings.splits if (r.domain, r.role) != (outside, "train")]
    text = " ".join(_division(replace(findings, splits=tuple(rows))))
    assert f" scans of {outside} only tested: no network was trained" in text
