from hypothesis import given
from hypothesis import strategies as st

from medinorm.files.names import slug


@given(st.text())
def test_a_slug_is_part_of_a_file_name(text):
    name = slug(text)
    assert name
    assert not set(name) & set("/\\ _\t\n\0:*")
    assert slug(name) == name


def test_different_words_stay_apart():
    assert slug("Signa 1.5T") == "Signa-1.5T"
    assert slug("äöü") == "unknown"
