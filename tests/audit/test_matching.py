"""Counting patterns in streams."""

import io

import pytest

from medinorm.audit import matching
from medinorm.audit.matching import Matcher
from medinorm.audit.tokens import Pattern


def matcher(*patterns):
    return Matcher(
        [Pattern(text, line, alone) for line, (text, alone) in enumerate(patterns, 1)]
    )


def test_case_does_not_count():
    search = matcher((b"smith", False))
    assert search.count_text(b"SMITH, Smith and smithers")[1] == 3


def test_short_words_must_stand_alone():
    search = matcher((b"bell", True))
    assert search.count_text(b"labelled bell.")[1] == 1
    assert search.count_text(b"\xffbell\xff")[1] == 0  # between voxels, by chance


def test_a_count_of_a_stream_is_that_of_its_text():
    search = matcher((b"smith", False), (b"19510203", False))
    content = b"x" * 10_000 + b"smith 19510203 smith"
    count = search.count(io.BytesIO(content))
    assert count.hits == search.count_text(content) == {1: 2, 2: 1}
    assert count.whole


def test_no_patterns_find_nothing():
    assert not Matcher([]).count(io.BytesIO(b"anything")).hits


class Damaged(io.BytesIO):
    """A stream that breaks after its content."""

    def read1(self, size=-1):
        if piece := super().read1(size):
            return piece
        raise EOFError


@pytest.mark.parametrize("chunk", [3, 1 << 22])
def test_what_comes_before_damage_is_counted(monkeypatch, chunk):
    monkeypatch.setattr(matching, "_CHUNK", chunk)
    count = matcher((b"smith", False)).count(Damaged(b"a smith or two"))
    assert count.hits == {1: 1}
    assert not count.whole
