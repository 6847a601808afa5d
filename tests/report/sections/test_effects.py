"""The page says which step matters, in numbers that are those of the table."""

from dataclasses import replace

import pytest

from medinorm.files.records import column_names
from medinorm.files.tables import read_table, write_table
from medinorm.records.evidence import CurveRow, EffectRow
from medinorm.report.sections.effects import _margins, write_effects
from tests.report.page import words

CROSSED = tuple(
    (intensity, norm, "flip", "none")
    for intensity in ("zscore", "nyul", "none")
    for norm in ("instance", "batch")
)


def with_effects(study):
    """A study with a table of effects."""
    levels = {"zscore": 0.81, "nyul": 0.80, "none": 0.43}
    rows = [
        {"factor": "intensity", "level": level, "variants": 2, "out_domain": value}
        | {"out_domain_low": value - 0.01, "out_domain_high": value + 0.01}
        | {"spread": 0.217, "spread_low": 0.1, "spread_high": 0.3}
        | {"spread_best": "instance", "spread_worst": "batch"}
        | (
            {"verdict": "highest"}
            if level == "zscore"
            else {"verdict": "worse", "difference": value - 0.81}
            | {"difference_low": value - 0.83, "difference_high": value - 0.79}
        )
        for level, value in levels.items()
    ]
    rows += [
        {"factor": "norm", "level": norm, "variants": 3, "out_domain": value}
        | {"verdict": verdict}
        for norm, value, verdict in (
            ("instance", 0.7, "highest"),
            ("batch", 0.66, "undecided"),
        )
    ]
    write_table(study.root / "evidence" / "effects.tsv", rows, column_names(EffectRow))
    return study


def test_steps_and_norms_are_compared(fake_study):
    study = with_effects(fake_study(variants=CROSSED))
    text = words(write_effects.write(study.inputs()))
    assert (
        "Intensity steps differ by up to 0.380 (0.360 to 0.400) in out-of-domain Dice, "
        "as means over 2 norms: zscore against none." in text
    )
    assert "Norms differ by up to 0.040 (no interval: too few seeds) in" in text
    assert "instance against batch" in text
    assert "instance over batch" in text
    for row in read_table(study.root / "evidence" / "summary.tsv"):
        assert f"{float(row['out_domain']):.3f}" in text
    for number in ("0.810", "0.430", "0.700", "0.660", "0.217"):
        assert number in text


def test_without_several_intensities_there_is_no_such_part(fake_study):
    page = fake_study().report()
    assert 'id="effects"' not in page
    assert "#effects" not in page


def with_augmentations(study):
    """A study in which the augmentation matters more than the norm."""
    rows = [
        {"factor": factor, "level": level, "variants": 2, "out_domain": value}
        | {"verdict": verdict}
        for factor, level, value, verdict in (
            ("norm", "instance", 0.75, "highest"),
            ("norm", "batch", 0.73, "undecided"),
            ("augmentation", "flip", 0.8, "highest"),
            ("augmentation", "none", 0.7, "worse"),
        )
    ]
    write_table(study.root / "evidence" / "effects.tsv", rows, column_names(EffectRow))
    return study


def test_the_axis_that_matters_most_comes_first(fake_study):
    crossed = tuple(
        ("zscore", norm, augmentation, "none")
        for norm in ("instance", "batch")
        for augmentation in ("none", "flip")
    )
    study = with_augmentations(fake_study(variants=crossed))
    text = words(write_effects.write(study.inputs()))
    assert "Of 2 axes that were compared, the choice of the augmentation moved" in text
    first, second = text.index("Augmentations differ by"), text.index("Norms differ by")
    assert first < second
    assert "as means over 2 norms: flip against none" in text
    assert "as means over 2 augmentations: instance against batch" in text
    assert "Only one intensity step was run" in text
    assert "Rows: augmentations; columns: norms" in text


@pytest.mark.parametrize("measured", [True, False])
def test_augmentations_are_compared_with_what_training_reached(fake_study, measured):
    """A hard augmentation looks bad until its networks are trained to the end."""
    crossed = tuple(("zscore", "batch", name, "none") for name in ("none", "flip"))
    inputs = with_augmentations(fake_study(variants=crossed)).inputs()
    reached = {"none": 0.8, "flip": 0.6} if measured else {}
    curves = tuple(
        CurveRow(variant, "lodo-a", seed, step, 1.0, train_dice=known and known - late)
        for variant in inputs.findings.variants
        for known in [reached.get(variant.augmentation)]
        for seed in (0, 1)
        for step, late in ((100, 0.3), (200, 0.0))
    )
    findings = replace(inputs.findings, curves=curves)
    text = words(write_effects.write(replace(inputs, findings=findings)))
    said = "trained for 200 steps. At their end the mean Dice on their own training"
    assert (said in text) == measured
    assert ("was 0.80 with none, 0.60 with flip" in text) == measured


def test_a_mean_of_incomplete_rows_is_of_what_all_have():
    cells = {("a", "x"): 0.5, ("a", "y"): 0.7, ("b", "x"): 0.9}
    means = _margins(cells, ["a", "b"], ["x", "y"])
    assert (means["a", "mean"], means["b", "mean"]) == (0.5, 0.9)
    assert (means["mean", "x"], means["mean", "y"]) == (0.5, 0.7)
