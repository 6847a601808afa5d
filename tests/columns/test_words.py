"""WordColumn stand for themselves, in whatever way a column is made and changed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from medinorm.columns.words import WordColumn, average_groups, group_rows

words = st.lists(st.sampled_from(["c", "a", "b", "", "a b"]), max_size=12)


@given(first=words, second=words)
def test_columns_are_the_words_they_were_made_of(first, second):
    one, other = WordColumn.of(first), WordColumn.of(second)
    assert one.tolist() == first
    assert WordColumn.join([one, other]).tolist() == first + second
    assert list(one.names) == sorted(set(first)) == one.present
    assert one[::-1].tolist() == first[::-1]
    assert one.equals("a").tolist() == [word == "a" for word in first]
    assert one.among("ab").tolist() == [word in {"a", "b"} for word in first]
    assert one.count() == {word: first.count(word) for word in set(first)}
    assert one.change(len).tolist() == [len(word) for word in first]


def test_names_that_do_not_occur_are_not_present():
    column = WordColumn.of("abc")[np.array([2, 0])]
    assert column.present == ["a", "c"]
    assert column.places(["c", "a"]).tolist() == [0, 1]
    assert not column.equals("z").any()


def test_codes_take_as_little_room_as_they_can():
    assert WordColumn.of(range(256)).codes.dtype == np.uint8
    assert WordColumn.of(range(257)).codes.dtype == np.uint16


def test_codes_in_any_order_and_twice_are_put_in_order():
    column = WordColumn(("b", "a", "b"), np.array([0, 1, 2])).sorted
    assert (column.names, column.tolist()) == (("a", "b"), ["b", "a", "b"])


@given(first=words, shift=st.integers(0, 3))
def test_rows_with_the_same_words_are_one_group(first, shift):
    second = first[shift:] + first[:shift]
    groups = group_rows(WordColumn.of(first), WordColumn.of(second))
    pairs = list(zip(first, second, strict=True))
    distinct = list(dict.fromkeys(pairs))
    assert [distinct[place] for place in groups.of_row] == pairs
    assert [pairs[row] for row in groups.first] == distinct
    assert sorted(groups.first.tolist()) == groups.first.tolist()


def test_the_mean_of_a_group_leaves_out_what_is_absent():
    groups = group_rows(WordColumn.of("abab"))
    means = average_groups(np.array([0.25, np.nan, 0.75, np.nan]), groups)
    np.testing.assert_array_equal(means, [0.5, np.nan])
