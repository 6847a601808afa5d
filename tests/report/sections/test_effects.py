"""The page says which step matters, in numbers that are those of the table."""

from medinorm.files.records import column_names
from medinorm.files.tables import read_table, write_table
from medinorm.records.evidence import EffectRow
from medinorm.report.sections.effects import write_effects
from tests.report.page import words

CROSSED = tuple(
    (intensity, norm, "none")
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
