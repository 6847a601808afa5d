import pytest

from medinorm.errors import LabelError
from medinorm.ingest.labels.names import fold_name, values_by_name


@pytest.mark.parametrize(
    ("one", "other"),
    [("Gray_Matter", "gray matter"), ("WM (left)", "wm-left"), ("Tumor", " TUMOR ")],
)
def test_case_and_punctuation_do_not_count(one, other):
    assert fold_name(one) == fold_name(other)


def test_letters_of_other_scripts_count():
    assert fold_name("Großhirn") == "großhirn"
    assert fold_name("Pons 1") != fold_name("Pons 2")


def test_values_are_found_by_folded_name():
    assert values_by_name({1: "Gray matter", 3: "Tumor"}) == {
        "gray matter": 1,
        "tumor": 3,
    }


def test_names_that_are_the_same_when_folded_are_refused():
    with pytest.raises(LabelError, match="differ only in case"):
        values_by_name({1: "Tumor", 2: "TUMOR!"})
