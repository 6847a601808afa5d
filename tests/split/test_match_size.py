"""As many training scans as another design has, each domain's share kept."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.errors import StageError
from medinorm.split.domains import DomainScan
from medinorm.split.match_size import choose_training_scans, share_out

SIZES = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 30), min_size=1)


@given(sizes=SIZES, count=st.integers(0, 120), needed=st.sampled_from("abcdef"))
def test_shares_add_up_and_follow_the_sizes(sizes, count, needed):
    shares = share_out(sizes, count, [needed])
    total = sum(sizes.values())
    assert sum(shares.values()) == min(count, total)
    assert all(0 <= shares[name] <= sizes[name] for name in sizes)
    if count and needed in sizes:
        assert shares[needed] >= 1
    for name, size in sizes.items():
        assert abs(shares[name] - min(count, total) * size / total) < 2


def test_fewer_scans_than_needed_domains_are_refused():
    with pytest.raises(StageError, match="as many training scans as domains"):
        share_out({"A": 5, "B": 5, "C": 5}, 2, needed=["A", "B", "C"])


def scans(**subjects):
    """Two scans a subject."""
    return [
        DomainScan(f"{domain}{n}-{session}", f"{domain}{n}", domain)
        for domain, count in subjects.items()
        for n in range(count)
        for session in "xy"
    ]


@pytest.mark.parametrize("count", [1, 7, 12, 40])
def test_as_many_as_asked_for_and_subjects_as_a_whole(count):
    training = scans(a=6, b=3)
    chosen = choose_training_scans(training, count, 0)
    assert len(chosen) == min(count, len(training))
    of_subject = Counter(scan.subject for scan in training if scan.scan in chosen)
    assert sum(taken == 1 for taken in of_subject.values()) <= 2  # one a domain


def test_the_choice_depends_on_the_seed_and_on_no_order():
    training = scans(a=6, b=3)
    chosen = choose_training_scans(training, 8, 0)
    assert choose_training_scans(training[::-1], 8, 0) == chosen
    assert any(choose_training_scans(training, 8, seed) != chosen for seed in (1, 2, 3))
