"""The lists of what may stay: a change of them is a decision, never a slip."""

import hashlib
from importlib.resources import files

import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword

from medinorm.ingest.deidentify import allowed_attributes
from medinorm.ingest.deidentify.allowed_attributes import read_lists

KEYWORD_LISTS = ("ATTRIBUTES", "SEQUENCES", "DATES", "CHARACTERISTICS", "ALWAYS")


@pytest.mark.parametrize("name", KEYWORD_LISTS)
def test_each_entry_is_a_keyword_of_the_standard(name):
    unknown = [
        keyword
        for keyword in getattr(allowed_attributes, name)
        if tag_for_keyword(keyword) is None
    ]
    assert not unknown


def test_sequences_are_sequences_and_nothing_else_is():
    for name in KEYWORD_LISTS:
        for keyword in getattr(allowed_attributes, name):
            assert (dictionary_VR(keyword) == "SQ") == (name == "SEQUENCES"), keyword


@pytest.mark.parametrize(
    ("name", "count", "digest"),
    [
        ("ATTRIBUTES", 265, "22537070ca3da808"),
        ("SEQUENCES", 53, "42c18ed20b0d3a98"),
        ("DATES", 17, "1902964a0a438cae"),
        ("CHARACTERISTICS", 4, "32c446b91e0118b8"),
        ("ALWAYS", 11, "aec576618f2d5664"),
        ("UNITS", 27, "b8a3bd48a7174a29"),
        ("CODES", 388, "1d22e05a948f06d6"),
    ],
)
def test_what_may_stay_changes_only_on_purpose(name, count, digest):
    """A new entry needs a look at table E.1-1 of PS3.15, then a new line here."""
    entries = getattr(allowed_attributes, name)
    text = "\n".join(sorted(entries)).encode()
    found = hashlib.blake2b(text, digest_size=8).hexdigest()
    assert (len(entries), found) == (count, digest)


def test_the_lists_are_part_of_the_package():
    place = files("medinorm.ingest.deidentify")
    assert place.joinpath("allowed_attributes.txt").is_file()


def test_comments_and_empty_lines_are_no_entries():
    lists = read_lists("a:\n# one\nx y\n\nb:\nx y\n")
    assert lists == {"a": ["x y"], "b": ["x y"]}


@pytest.mark.parametrize(
    ("text", "problem"),
    [("x\na:\n", "before the first list"), ("a:\nx\n# again\nx\n", "listed twice")],
)
def test_a_wrong_file_is_refused(text, problem):
    with pytest.raises(ValueError, match=problem):
        read_lists(text)
