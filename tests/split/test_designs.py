"""Each design is declared once, and says which domains train."""

import pytest

from medinorm.method_names import DESIGN_DECLARATIONS
from medinorm.split.designs import DESIGNS

NAMES = ("GE", "Philips 3T", "Siemens")


def test_the_text_of_the_file_says_what_the_decorators_do():
    assert list(DESIGNS) == list(DESIGN_DECLARATIONS)
    for name, declared in DESIGN_DECLARATIONS.items():
        assert DESIGNS[name].text == declared.text
        for fact, value in declared.facts.items():
            assert getattr(DESIGNS[name], fact) == value


def test_training_domains_and_names_of_splits():
    assert dict(DESIGNS["pooled"].choose(NAMES)) == {"pooled": set(NAMES)}
    assert dict(DESIGNS["lodo"].choose(NAMES)) == {
        "lodo-GE": {"Philips 3T", "Siemens"},
        "lodo-Philips-3T": {"GE", "Siemens"},
        "lodo-Siemens": {"GE", "Philips 3T"},
    }
    assert dict(DESIGNS["single"].choose(NAMES)) == {
        "single-GE": {"GE"},
        "single-Philips-3T": {"Philips 3T"},
        "single-Siemens": {"Siemens"},
    }


@pytest.mark.parametrize("name", DESIGNS)
def test_names_of_splits_start_with_the_design_and_all_train(name):
    found = list(DESIGNS[name].choose(NAMES))
    assert all(stem.split("-")[0] == name for stem, _ in found)
    assert all(domains for _, domains in found)


@pytest.mark.parametrize("name", DESIGNS)
def test_fewest_domains_leave_none_without_training(name):
    """The stage refuses fewer: then a training set would be empty or everything."""
    design = DESIGNS[name]
    assert all(domains for _, domains in design.choose(NAMES[: design.domains]))


@pytest.mark.parametrize("name", DESIGNS)
def test_training_sets_have_words(name):
    shown = DESIGNS[name].shown.format(trained="GE", others="Siemens", tested="GE")
    assert shown
    assert "{" not in shown


def test_the_designs_that_the_gap_compares_exist():
    """Evidence and report know these two by name: the gap is their difference."""
    assert {"pooled", "lodo", "size_matched"} <= set(DESIGNS)


@pytest.mark.parametrize("name", [n for n, d in DESIGNS.items() if d.sized_as])
def test_a_sized_design_has_a_training_set_for_each_of_the_other(name):
    other = DESIGNS[DESIGNS[name].sized_as]
    assert DESIGNS[name].domains >= other.domains
    ours, theirs = (list(design.choose(NAMES)) for design in (DESIGNS[name], other))
    assert len(ours) == len(theirs)
    assert all(left[1] < whole[1] for left, whole in zip(theirs, ours, strict=True))
