"""Means of intensities over norms and of norms over intensities, by hand."""

import numpy as np
import pytest

from medinorm.evidence.effects import cross_variants
from medinorm.files.tables import read_table
from medinorm.variant import Variant

WORTH = {"none": -0.30, "zscore": 0.0, "nyul": -0.002}
HELP = {"batch": -0.05, "instance": 0.0}


def add_crossed(study, *, noise=0.004, worth=WORTH):
    """A study in which steps and norms add up, but `none` ruins `batch` alone."""
    rng = np.random.default_rng(3)
    for intensity, change in worth.items():
        for norm, help_ in HELP.items():
            lost = -0.2 * (intensity == "none" and norm == "batch")
            level = 0.8 + change + help_ + lost
            study.add(
                (intensity, norm, "flip", "none"),
                lambda _case, level=level: level + rng.normal(0, noise),
            )
    return study


def effects(evidence, factor):
    rows = read_table(evidence / "effects.tsv")
    return {row["level"]: row for row in rows if row["factor"] == factor}


def test_each_step_is_the_mean_over_the_norms(comparison):
    rows = effects(add_crossed(comparison()).compare(), "intensity")
    assert list(rows) == ["zscore", "nyul", "none"]
    expected = {"zscore": 0.775, "nyul": 0.773, "none": 0.375}
    for level, value in expected.items():
        row = rows[level]
        assert float(row["out_domain"]) == pytest.approx(value, abs=0.003)
        ends = float(row["out_domain_low"]), float(row["out_domain_high"])
        assert ends[0] < value < ends[1]
        assert row["variants"] == "2"
    assert rows["zscore"]["verdict"] == "highest"
    assert rows["zscore"]["difference"] == ""
    assert rows["none"]["verdict"] == "worse"
    assert float(rows["none"]["difference"]) == pytest.approx(-0.4, abs=0.005)
    assert rows["nyul"]["verdict"] == "equivalent"
    assert float(rows["none"]["p_holm"]) >= float(rows["none"]["p"])


def test_the_spread_says_how_much_the_norm_still_decides(comparison):
    rows = effects(add_crossed(comparison()).compare(), "intensity")
    for level, spread in {"zscore": 0.05, "none": 0.25}.items():
        row = rows[level]
        assert float(row["spread"]) == pytest.approx(spread, abs=0.005)
        assert (row["spread_best"], row["spread_worst"]) == ("instance", "batch")
        assert float(row["spread_low"]) < spread < float(row["spread_high"])


def test_norms_are_averaged_over_the_steps(comparison):
    rows = effects(add_crossed(comparison()).compare(), "norm")
    assert list(rows) == ["instance", "batch"]
    expected = np.mean([0.5, 0.8, 0.798])
    assert float(rows["instance"]["out_domain"]) == pytest.approx(expected, abs=0.003)
    assert rows["batch"]["verdict"] == "worse"


def test_one_level_is_no_comparison(comparison):
    study = comparison()
    for norm in HELP:
        study.add(("zscore", norm, "flip", "none"), lambda _case: 0.7)
    evidence = study.compare()
    assert not effects(evidence, "intensity")
    assert set(effects(evidence, "norm")) == set(HELP)


def test_with_one_seed_nothing_is_claimed(comparison):
    rows = effects(add_crossed(comparison(seeds=(0,))).compare(), "intensity")
    assert {row["verdict"] for row in rows.values()} == {"highest", "undecided"}
    assert {row["out_domain_low"] for row in rows.values()} == {""}


def test_without_scanners_left_out_there_are_none(comparison):
    study = comparison()
    study.add(
        ("zscore", "batch", "flip", "none"), lambda _case: 0.7, designs=("pooled",)
    )
    study.add(("none", "batch", "flip", "none"), lambda _case: 0.6, designs=("pooled",))
    assert read_table(study.compare(("pooled",)) / "effects.tsv") == []


def test_only_what_all_levels_share_is_averaged():
    variants = [
        Variant("a", "batch", "flip", "none"),
        Variant("a", "group", "flip", "none"),
        Variant("b", "batch", "flip", "none"),
        Variant("b", "batch", "flip", "tent"),
        Variant("b", "group", "flip", "none"),
        Variant("a", "layer", "flip", "none"),
    ]
    dice = np.arange(6.0)[:, np.newaxis] * np.ones(4)
    dice[4] = np.nan  # b with group lacks scans
    crossing = cross_variants(variants, dice, "intensity")
    assert (list(crossing.levels), list(crossing.others)) == (["a", "b"], ["batch"])
    np.testing.assert_array_equal(crossing.dice[:, 0, 0], [0.0, 2.0])
    assert cross_variants(variants[:1], dice[:1], "norm").dice.shape == (1, 1, 4)


def test_augmentations_and_adaptations_are_axes_too(comparison):
    """An augmentation that helps all norms, and an adaptation that helps batch norm."""
    study = comparison()
    rng = np.random.default_rng(3)
    for norm, help_ in HELP.items():
        for augmentation, gain in {"none": 0.0, "flip": 0.1}.items():
            for adapt, more in {"none": 0.0, "tent": 0.02}.items():
                if adapt == "none" or norm == "batch":
                    level = 0.6 + help_ + gain + more
                    study.add(
                        ("zscore", norm, augmentation, adapt),
                        lambda _case, level=level: level + rng.normal(0, 0.004),
                    )
    evidence = study.compare()
    assert not effects(evidence, "intensity")
    of_augmentation = effects(evidence, "augmentation")
    assert list(of_augmentation) == ["flip", "none"]
    worse = of_augmentation["none"]
    assert (worse["variants"], worse["verdict"]) == ("2", "worse")
    assert float(worse["difference"]) == pytest.approx(-0.1, abs=0.003)
    assert worse["spread_best"] == "instance"
    norm = effects(evidence, "norm")["instance"]
    assert (norm["variants"], norm["spread_best"]) == ("2", "flip")
    adapted = effects(evidence, "adapt")
    assert list(adapted) == ["tent", "none"]
    assert adapted["tent"]["variants"] == "2"
    assert adapted["tent"]["spread_best"] == "batch + flip"
    assert float(adapted["none"]["difference"]) == pytest.approx(-0.02, abs=0.003)


def test_combinations_are_named_by_all_that_varies():
    variants = [
        Variant(intensity, norm, augmentation, "none")
        for intensity in "ab"
        for norm in ("batch", "group")
        for augmentation in ("none", "flip")
    ]
    crossing = cross_variants(variants, np.arange(8.0)[:, np.newaxis], "intensity")
    assert crossing.others[1] == "batch + flip"
    np.testing.assert_array_equal(crossing.dice[..., 0], [[0, 1, 2, 3], [4, 5, 6, 7]])
