"""Failures by kind, on each domain and in all."""

from medinorm.report.sections.beyond_means.failures import write_failures
from tests.report.beyond_means import fail, write_unseen
from tests.report.page import Page, words


def write(study):
    return write_failures.write(study.inputs())


def test_the_kinds_are_told_apart_by_place_and_words(fake_study):
    study = fake_study()
    write_unseen(study)
    fail(study)
    markup = write(study)
    text = words(markup)
    for kind in ("No prediction", "Structure missed", "Dice below 0.5"):
        assert kind in text
    assert "Failures by kind on" in markup
    assert "2 of 40" in text
    assert "12 of 40" in text
    assert "30.0%" in text
    assert "2.5%, 0.25 ml" in text


def test_the_first_variant_has_a_sentence(fake_study):
    study = fake_study(scanners=("A", "B"))
    fail(study)
    name = study.findings().names[study.findings().variants[0]]
    assert (
        f"{name}: 31 of 80 labels failed on scanners never seen, 4 of 80 labels on "
        "scanners that its networks had trained on. Of those on scanners never seen, "
        "16 are on A." in words(write(study))
    )


def test_no_scanner_is_named_where_several_are_as_bad(fake_study):
    study = fake_study(scanners=("A", "B"))
    fail(study, counts=(0, 2, 1, 9))
    text = words(write(study))
    assert "24 of 80 labels failed on scanners never seen" in text
    assert "Of those" not in text


def test_each_figure_has_a_narrow_version_a_table_and_words(fake_study):
    study = fake_study(scanners=("A", "B"))
    fail(study)
    page = Page(write(study))
    figures = page.named("svg")
    assert len(figures) == 4
    assert all("Structure missed 2 of 40" in own["aria-label"] for own in figures)
    heads = [own.get("scope") for own in page.named("th")]
    rows = len(study.variants)
    assert heads.count("row") == 2 * rows + 4 * rows


def test_where_nothing_can_fail_so_there_is_a_dash(fake_study):
    study = fake_study(scanners=("A", "B"))
    fail(study)
    text = words(write(study))
    assert "0 of 0" not in text
    assert "nan" not in text


def test_no_failure_and_no_table(fake_study):
    study = fake_study()
    assert write(study) is None
    fail(study, counts=(0, 0, 0, 0))
    assert "0 of 120 labels failed on scanners never seen" in words(write(study))


def test_hostile_names_stay_text(fake_study):
    study = fake_study(scanners=("<script>alert(1)</script>", "{one}"))
    fail(study)
    assert "<script>" not in write(study)
