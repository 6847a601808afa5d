"""Scans like the training scans are near, others are far, whatever the scale."""

import numpy as np
import pytest

from medinorm.expected.likeness.distance import Distance, TrainingDomains


def draw(rng, middle, count=8):
    return [rng.normal(middle, 1.0, size=5) for _ in range(count)]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def known(rng):
    return TrainingDomains.of({"a": draw(rng, 0.0), "b": draw(rng, 20.0)})


def test_the_nearest_domain_is_named_and_new_ones_are_far(known, rng):
    for middle, name in ((0.0, "a"), (20.0, "b")):
        for row in draw(rng, middle, 5):
            found = known.measure(row)
            assert found.nearest == name
            assert not found.far
    between = known.measure(np.full(5, 10.0))
    assert between.far
    assert between.value > 5


def test_the_unit_of_a_number_does_not_matter(rng):
    scale = np.array([1e-3, 1.0, 1e3, 7.0, 1e5])
    rows = {"a": draw(rng, 0.0), "b": draw(rng, 3.0)}
    scaled = {name: [row * scale for row in own] for name, own in rows.items()}
    new = rng.normal(1, 1, 5)
    one = TrainingDomains.of(rows).measure(new)
    two = TrainingDomains.of(scaled).measure(new * scale)
    assert one.value == pytest.approx(two.value, rel=1e-3)
    assert one.limit == pytest.approx(two.limit, rel=1e-3)


def test_numbers_that_are_the_same_in_all_scans_are_no_division_by_zero():
    known = TrainingDomains.of({"a": [np.array([1.0, 2.0])] * 3})
    assert not known.measure(np.array([1.0, 2.0])).far
    assert known.measure(np.array([1.0, 3.0])).far


def test_not_a_number_is_far(known):
    found = known.measure(np.full(5, np.nan))
    assert found.far
    assert Distance(float("nan"), 2.0, "a").far


def test_single_scans_say_nothing_of_their_domain(rng):
    assert TrainingDomains.of({"a": draw(rng, 0.0, 1)}) is None
    known = TrainingDomains.of({"a": draw(rng, 0.0, 1), "b": draw(rng, 0.0, 3)})
    assert list(known.means) == ["b"]


def test_the_summary_comes_back_from_json_without_single_scans(known):
    values = known.to_json()
    assert {len(row) for row in values["means"].values()} == {5}
    again = TrainingDomains.from_json(values)
    row = np.full(5, 3.0)
    assert again.measure(row).value == pytest.approx(known.measure(row).value, rel=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        {"means": {}},
        {"means": {"a": [1.0]}},
        {"deviation": [0.0] * 5},
        {"deviation": [float("nan")] * 5},
        {"axes": [[1.0]]},
        {"shares": [-1.0] * 16},
        {"shrunk": 0.0},
        {"limit": float("nan")},
        {"limit": float("inf")},
        {"reach": float("nan")},
    ],
)
def test_what_is_no_summary_is_refused(known, change):
    with pytest.raises(ValueError, match="no summary"):
        TrainingDomains.from_json(known.to_json() | change)


@pytest.mark.parametrize("scans", [6, 30])
def test_scans_of_known_domains_are_rarely_far_and_others_are(rng, scans):
    """One scanner differs in the correlation of two numbers alone."""

    def draw_mixed(count, sign=1):
        rows = rng.normal(size=(count, 5))
        rows[:, 0] = sign * 0.95 * rows[:, 1] + 0.2 * rows[:, 0]
        return list(rows)

    alarms, seen = [], []
    for _ in range(10):
        known = TrainingDomains.of({"a": draw_mixed(scans), "b": draw_mixed(scans)})
        alarms += [known.measure(row).far for row in draw_mixed(100)]
        seen += [known.measure(3 * row).far for row in draw_mixed(100, sign=-1)]
    assert np.mean(alarms) < 0.08
    assert np.mean(seen) > 0.5


def test_the_limit_is_that_of_other_subjects(rng):
    """Twins in both domains would make each other look near."""
    twins = draw(rng, 0.0, 20)
    rows = {"a": twins, "b": [row + 0.01 for row in twins]}
    names = [str(number) for number in range(20)]
    apart = TrainingDomains.of(rows, {"a": names, "b": names})
    assert apart.limit > TrainingDomains.of(rows).limit


def test_a_domain_that_is_left_out_says_how_well_others_are_recognized(rng):
    known = TrainingDomains.of({"a": draw(rng, 0.0), "b": draw(rng, 9.0)})
    assert known.recognized == 1
    assert known.reach > known.limit
    same = TrainingDomains.of({"a": draw(rng, 0.0, 20), "b": draw(rng, 0.0, 20)})
    assert same.recognized < 0.3
    alone = TrainingDomains.of({"a": draw(rng, 0.0)})
    assert (alone.recognized, alone.reach) == (None, 0)
