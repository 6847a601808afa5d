"""A winner that loses on one domain is not hidden by its mean."""

from medinorm.report.sections.beyond_means.unseen_domains import write_unseen_domains
from tests.report.beyond_means import write_unseen
from tests.report.page import Page, words


def write(study):
    return write_unseen_domains.write(study.inputs())


def test_where_the_winner_is_first_it_has_no_sign(fake_study):
    study = fake_study()
    write_unseen(study)
    text = words(write(study))
    assert "has the highest mean and is first on each of these scanners." in text
    assert text.count("\N{BLACK DOWN-POINTING TRIANGLE}") == 1  # in the caption


def test_where_it_is_not_first_is_said_and_marked_besides_colour(fake_study):
    study = fake_study()
    ranked = write_unseen(study, winner_first=False)
    markup = write(study)
    text = words(markup)
    names = study.inputs().findings.names
    assert (
        f"but it is not first on every scanner: 2nd of {len(ranked)} on "
        f"{study.scanners[0]} (0.800; first: {names[ranked[1]]})." in text
    )
    assert text.count("\N{BLACK DOWN-POINTING TRIANGLE}") == 2
    marked = [own for own in Page(markup).named("td") if "is-worse" in own["class"]]
    assert len(marked) == 1
    assert "corrected for having been chosen: 0.600 to 0.800" in text


def test_rows_have_heads_and_ranks_are_words(fake_study):
    study = fake_study()
    ranked = write_unseen(study)
    markup = write(study)
    grid = markup.partition("<details>")[0]  # the table of labels comes behind it
    heads = [own.get("scope") for own in Page(grid).named("th")]
    assert heads.count("row") == len(ranked)
    text = words(markup)
    assert f"1st of {len(ranked)}" in text
    assert "scans 4, subjects 3, seeds 5" in text
    assert "below 0.5: 25% (3% to 65%)" in text
    assert "Label by label, over all unseen scanners" in text


def test_hostile_names_stay_text(fake_study):
    hostile = ("<script>alert(1)</script>", "b", "c")
    study = fake_study(scanners=hostile)
    write_unseen(study)
    markup = write(study)
    assert "<script>" not in markup
    assert "&lt;script&gt;" in markup


def test_a_study_without_the_table_has_no_section(fake_study):
    assert write(fake_study()) is None
