"""Whether networks know when they are wrong: table, sentences, curves."""

import pytest

from medinorm.report.sections.beyond_means.calibration import write_calibration
from tests.report.beyond_means import measure
from tests.report.page import Page, words


def write(study):
    return write_calibration.write(study.inputs())


def test_what_confidence_is_worth_is_said(fake_study):
    study = fake_study()
    measure(study)
    name = study.findings().names[study.findings().variants[0]]
    text = words(write(study))
    assert f"{name}: on scanners never seen, confidence is off by 0.200" in text
    assert "that its networks had trained on by 0.050." in text
    assert "40.0% of its voxels near structures are wrong." in text
    assert "20.0% of the rest would be wrong." in text


def test_each_variant_has_a_figure_with_words_and_a_table(fake_study):
    study = fake_study()
    measure(study)
    page = Page(write(study))
    figures = [own for own in page.named("svg") if own.get("role") == "img"]
    assert len(figures) == len(study.variants)
    assert all(
        "On scanners never seen: 0.400 of all voxels, 0.200 of the most confident half."
        in own["aria-label"]
        for own in figures
    )
    assert "50% 0.050 0.200" in page.text
    assert [own.get("scope") for own in page.named("th")].count("row") > 20


def test_lines_are_told_apart_without_colour(fake_study):
    markup = (measure(study := fake_study()), write(study))[1]
    classes = [own["class"] for own in Page(markup).named("path")]
    assert {"curve-known", "curve-unseen"} <= set(classes)
    assert "stroke-dasharray" in markup


def test_a_study_without_curves_has_the_table_alone(fake_study):
    study = fake_study()
    measure(study, curves=False)
    markup = write(study)
    assert "Expected calibration error" in words(markup)
    assert "<svg" not in markup


def test_without_confidence_there_is_no_section(fake_study):
    assert write(fake_study()) is None


@pytest.mark.parametrize("designs", [("lodo",), ("pooled",)])
def test_one_side_is_enough(fake_study, designs):
    study = fake_study(designs=designs)
    measure(study)
    path = study.root / "evidence" / "calibration.tsv"
    known = designs == ("pooled",)
    keep = [
        line
        for line in path.read_text().splitlines(keepends=True)
        if not line.startswith("zscore") or (designs[0] in line)
    ]
    path.write_text("".join(keep))
    for name in (".calibration.tsv.checksum",):
        (path.parent / name).unlink()
    text = words(write(study))
    assert ("never saw it" in text) is not known
    assert ("had seen it" in text) is known
