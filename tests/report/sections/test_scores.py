"""The numbers stand in the order of the ranking, all that exist and no others."""

import pytest

from medinorm.report.sections.scores import write_labels, write_numbers
from tests.report.page import words


def test_variants_stand_in_the_order_of_out_of_domain_dice(fake_study):
    text = words(write_numbers.write(fake_study().inputs()))
    table = text[text.index("One row for each variant") :]
    places = [
        table.index(f"zscore + {name} ")
        for name in ("instance", "group", "batch + batch_statistics", "layer")
    ]
    assert places == sorted(places)


@pytest.mark.parametrize("ranked", [True, False])
def test_ranks_are_shown_where_variants_were_ranked(fake_study, ranked):
    text = words(write_numbers.write(fake_study(ranked=ranked).inputs()))
    assert ("Chance of being best" in text) is ranked
    assert "Gap, scanner by scanner" in text


def test_gaps_need_both_designs(fake_study):
    text = words(write_numbers.write(fake_study(designs=("lodo",)).inputs()))
    assert "Gap, scanner by scanner" not in text


def test_each_label_of_each_variant_has_a_row(fake_study):
    study = fake_study()
    section = write_labels.write(study.inputs())
    assert section.count("<tr>") == 1 + len(study.variants) * 3
