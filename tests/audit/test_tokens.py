"""The forms in which an identifier may be written."""

import base64

import pytest

from medinorm.audit.tokens import encodings, forms, read_patterns


def texts_of(token):
    return {text for text, _ in forms(token)}


def test_a_name_is_looked_for_in_either_order():
    assert {"smith", "john", "johnsmith", "smith, john", "john smith"} <= texts_of(
        "Smith^John"
    )


@pytest.mark.parametrize("token", ["19510203", "1951-02-03", "3.2.1951"])
def test_a_date_is_looked_for_in_other_forms(token):
    assert {"03.02.1951", "1951-02-03", "3 february 1951"} <= texts_of(token)


def test_a_number_that_is_no_date_has_no_other_forms():
    assert texts_of("19511399") == {"19511399"}


def test_accents_are_looked_for_with_and_without():
    assert {"müller", "muller"} <= texts_of("Müller")


def test_short_words_must_stand_alone():
    assert ("bell", True) in set(forms("Bell"))
    assert ("bellamy", False) in set(forms("Bellamy"))


@pytest.mark.parametrize("before", range(3))
def test_base64_is_found_wherever_the_text_begins(before):
    content = base64.b64encode(b"x" * before + b"Doe-12345678" + b"tail").lower()
    assert any(form in content for form in encodings("Doe-12345678"))


def test_utf_16_and_addresses_are_among_the_encodings():
    found = set(encodings("Jo Doe"))
    assert {"jo doe".encode("utf-16-le"), b"jo%20doe"} <= found


def test_lines_are_counted_from_one_and_short_tokens_are_named():
    patterns, short = read_patterns(["", "abc", "Miller"])
    assert short == [2]
    assert {pattern.line for pattern in patterns} == {3}
