"""Scans that were rated bad on the quality page."""

import pytest

from medinorm.errors import StageError
from medinorm.split.ratings import find_rated_bad

HEADER = "scan\trating\tnote\n"
KNOWN = {"sub-1", "sub-2", "sub-3"}


@pytest.fixture
def save(tmp_path):
    """Save tables of ratings; their paths."""

    def write(*texts):
        paths = [tmp_path / f"DOE^JANE-{n}.tsv" for n in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return paths

    return write


def test_only_those_rated_bad_are_found(save):
    rows = "sub-1\tgood\t\nsub-2\tbad\tmotion\nsub-3\tusable\t\n"
    assert find_rated_bad(save(HEADER + rows), KNOWN) == {"sub-2"}
    assert find_rated_bad([], KNOWN) == set()


def test_notes_alone_rate_nothing_and_capitals_do_not_matter(save):
    rows = "sub-1\t\tbad coil?\nsub-2\t Bad \t\nsub-3\tn/a\t\n"
    assert find_rated_bad(save(HEADER + rows), KNOWN) == {"sub-2"}


def test_pages_and_people_may_agree(save):
    one, other = HEADER + "sub-1\tbad\t\nsub-1\tbad\t\n", HEADER + "sub-1\tbad\tx\n"
    assert find_rated_bad(save(one, other), KNOWN) == {"sub-1"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEADER, "the table has no rating; rate scans on the quality page"),
        (HEADER + "sub-1\t\tnote\n", "the table has no rating"),
        ("", "column 'scan' is missing"),
        ("scan\tnote\nsub-1\tbad\n", "column 'rating' is missing"),
        (HEADER + "sub-1\tbad\n", "line 2: expected 3 values"),
        (HEADER + "\tbad\t\n", "line 2: a rating of no scan"),
        (HEADER + "sub-1\tDOE\t\n", "line 2: the rating is none of good, usable, bad"),
        (HEADER + "DOE\tbad\t\n", "line 2: there is no such scan in this study"),
        (
            HEADER + "sub-1\tbad\t\nDOE\tbad\t\nDOE2\tgood\t\n",
            "line 3: there is no such scan in this study; write its name as the "
            "quality page does, or delete the line [and 1 more]",
        ),
        (
            HEADER + "DOE\tbad\t\nDOE2\tgood\t\n",
            "split.ratings: none of its 2 scans is in this study",
        ),
        (
            HEADER + "sub-1\tbad\t\nsub-1\tgood\t\n",
            "line 3: rates a scan as good that split.ratings, line 2 rates as bad",
        ),
        (b"PK\x03\x04", "is a workbook, not text"),
        (b"scan\trating\n\xff\xfe\n", "not UTF-8 text"),
        (b"scan\trating\nsub-1\tba\0d\n", "NUL characters"),
        ("scan\tscan\trating\nsub-1\tsub-1\tbad\n", "there are 2 columns 'scan'"),
    ],
)
def test_what_cannot_be_understood_is_refused_in_one_line(save, text, problem):
    with pytest.raises(StageError) as refused:
        find_rated_bad(save(text), KNOWN)
    message = str(refused.value)
    assert message.startswith("split.ratings")
    assert problem in message
    assert "\n" not in message
    assert "DOE" not in message


def test_a_table_that_is_not_there_is_told_without_its_path(tmp_path):
    with pytest.raises(StageError, match=r"split\.ratings: the table does not exist"):
        find_rated_bad([tmp_path / "DOE.tsv"], KNOWN)


def test_of_several_tables_the_message_names_the_one(save):
    tables = save(HEADER + "sub-1\tbad\t\n", HEADER + "sub-1\tusable\t\n")
    with pytest.raises(StageError) as refused:
        find_rated_bad(tables, KNOWN)
    assert str(refused.value) == (
        "split.ratings, table 2, line 2: rates a scan as usable that split.ratings, "
        "table 1, line 2 rates as bad; agree on one rating"
    )
