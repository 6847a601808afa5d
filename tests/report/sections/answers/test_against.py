"""Two studies side by side, and none where they cannot be compared."""

import shutil

from medinorm.files.tables import read_table, write_table
from medinorm.report.sections.answers.against import write_against
from tests.report.beyond_means import write_unseen
from tests.report.page import Page, words


def beside(study, change=None):
    """A copy of the evidence of a study, its tables changed."""
    write_unseen(study)
    other = study.root / "other"
    shutil.copytree(study.root / "evidence", other)
    for name, edit in (change or {}).items():
        path = other / name
        (other / f".{name}.checksum").unlink(missing_ok=True)
        if name.endswith(".json"):
            path.write_text(edit(path.read_text()))
            continue
        rows = read_table(path)
        write_table(path, [edit(dict(row)) for row in rows], list(rows[0]))
    return other


def write(study, other):
    return write_against.write(study.inputs(against=other))


def lower(row):
    """Dice lower by 0.1."""
    names = [name for name in row if name.startswith(("out_domain", "dice"))]
    return row | {name: str(float(row[name]) - 0.1) for name in names}


def test_without_another_study_there_is_no_section(fake_study):
    assert write(fake_study(), None) is None


def test_means_and_domains_have_differences_with_intervals(fake_study):
    study = fake_study()
    changes = {"summary.tsv": lower, "unseen_domains.tsv": lower}
    markup = write(study, beside(study, changes))
    text = words(markup)
    assert "matched by name: 5 variants, 3 of the unseen scanners." in text
    assert "In this study alone: 0 variants" in text
    assert text.count("+0.100") == 5 + 15
    assert "Not compared" not in text
    assert "Not known: the configuration" in text
    assert [own.get("scope") for own in Page(markup).named("th")].count("row") == 20


def test_other_scanners_have_no_difference_of_means(fake_study):
    study = fake_study()

    def rename(row):
        return row | {"domain": row["domain"].replace("Siemens", "Philips {x}")}

    markup = write(study, beside(study, {"unseen_domains.tsv": rename}))
    text = words(markup)
    assert "Their means are over other scanners, so that there is no difference" in text
    assert "Philips {x} Skyra 3T, Siemens Skyra 3T in one of both only." in text
    assert text.count("+0.000") == 10


def test_studies_that_are_not_alike_are_shown_without_differences(fake_study):
    study = fake_study()
    other = beside(
        study, {"verdict.json": lambda text: text.replace('"scanner"', '"vendor"')}
    )
    text = words(write(study, other))
    assert "Not compared. The reason: their domains are not the same thing" in text
    assert "+0.000" not in text
    assert "This study Dice The other study Dice" in text


def test_the_stage_takes_the_folder(fake_study):
    study = fake_study()
    other = beside(study)
    assert "Beside another study" in study.report(against=other)
    assert "Beside another study" not in study.report()


def test_hostile_names_stay_text(fake_study):
    study = fake_study()

    def rename(row):
        return row | {"domain": "<script>alert(1)</script>"}

    markup = write(study, beside(study, {"unseen_domains.tsv": rename}))
    assert "<script>" not in markup
