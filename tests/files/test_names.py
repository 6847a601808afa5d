import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from medinorm.files.names import (
    choose_spellings,
    clean_name,
    meaning_of,
    name_files,
    slug,
)


@given(st.text())
def test_a_slug_is_part_of_a_file_name(text):
    name = slug(text)
    assert name
    assert not set(name) & set("/\\ _\t\n\0:*")
    assert len(name) <= 100
    assert slug(name) == name


def test_different_words_stay_apart():
    assert slug("Signa 1.5T") == "Signa-1.5T"
    assert slug("äöü") != slug("aou") == "aou"
    assert len({slug(name) for name in ("北京", "上海", "Київ", "القاهرة", "🙂")}) == 5
    assert len({slug("x" * number) for number in range(95, 400)}) == 305
    assert slug("???") == slug("") == "unknown"


@given(st.sets(st.text(max_size=8) | st.sampled_from(["A b", "a/b", "a b", "?", "!"])))
def test_files_of_different_names_differ_where_capitals_do_not_count(texts):
    names = name_files(texts)
    assert set(names) == texts
    assert len({name.lower() for name in names.values()}) == len(texts)


def test_ascii_names_of_files_stay_what_they_were():
    names = ["GE Signa HDxt 1.5T", "Siemens_Prisma", "a+b", "n/a", "x" * 100]
    assert list(name_files(names).values()) == [
        "GE-Signa-HDxt-1.5T",
        "Siemens-Prisma",
        "a-b",
        "n-a",
        "x" * 100,
    ]


@given(st.text())
def test_meaning_does_not_depend_on_form(text):
    meaning = meaning_of(text)
    assert meaning_of(clean_name(text)) == meaning
    assert meaning_of(f"\u200e {text}\u00a0") == meaning
    assert meaning_of(unicodedata.normalize("NFD", text)) == meaning


@given(st.text())
def test_clean_names_hold_nothing_that_is_not_seen(text):
    name = clean_name(text)
    kinds = {unicodedata.category(letter) for letter in name} - {"Cf"}
    assert not kinds & {"Cc", "Zl", "Zp"}
    assert not set(name) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u200b")
    assert clean_name(name) == name


def test_the_most_frequent_spelling_is_shown():
    spellings = choose_spellings(["ge", "GE", "GE", "Philips", "PHILIPS", " GE "])
    assert spellings == {
        "ge": "GE",
        "GE": "GE",
        " GE ": "GE",
        "Philips": "Philips",
        "PHILIPS": "Philips",
    }
