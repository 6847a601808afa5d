"""The resampling: its laws, its exact cases, and how often its intervals are right."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from medinorm.evidence.bootstrap import (
    domain_means,
    draw_replicates,
    estimate,
)

# A machine that does other work too must not fail a law.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

RESAMPLES = 200


def draw(subjects, domains, seeds, resamples=RESAMPLES, seed=0):
    rng = np.random.default_rng(seed)
    return draw_replicates(subjects, domains, seeds, resamples, rng)


def crossed(domains, subjects, seeds, resamples=RESAMPLES, seed=0):
    """Replicates of a study with as many subjects on each domain, and the members."""
    names = [f"{d}-{n}" for d in range(domains) for n in range(subjects)]
    where = [str(d) for d in range(domains) for _ in range(subjects)]
    members = np.split(np.arange(domains * subjects), domains)
    return draw(names, where, seeds, resamples, seed), members


people = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("xyz")),
    min_size=2,
    max_size=20,
)


@UNHURRIED
@given(scans=people, seeds=st.integers(1, 5))
def test_a_subject_counts_alike_in_all_its_scans(scans, seeds):
    subjects, domains = zip(*scans, strict=True)
    replicates = draw(subjects, domains, seeds, 100)
    for subject in set(subjects):
        mine = replicates.scans[[name == subject for name in subjects]]
        assert (mine == mine[0]).all()


@UNHURRIED
@given(counts=st.lists(st.integers(2, 6), min_size=1, max_size=4))
def test_every_resample_has_as_many_subjects_of_each_domain(counts):
    domains = [str(d) for d, count in enumerate(counts) for _ in range(count)]
    subjects = [str(n) for n in range(len(domains))]
    replicates = draw(subjects, domains, 3)
    for domain, count in enumerate(counts):
        mine = np.array(domains) == str(domain)
        np.testing.assert_allclose(replicates.scans[mine].sum(axis=0), count)
    np.testing.assert_allclose(replicates.seeds.sum(axis=0), 3)


def test_the_first_replicate_is_the_study_itself():
    replicates, _ = crossed(2, 3, 4)
    assert (replicates.scans[:, 0] == 1).all()
    assert (replicates.seeds[:, 0] == 1).all()


def test_subjects_who_travel_are_drawn_together():
    subjects = [f"s{n}" for n in range(5)] * 2
    domains = ["x"] * 5 + ["y"] * 5
    replicates = draw(subjects, domains, 3)
    offset = np.repeat([0.0, 0.1], 5)
    values = (np.tile(np.linspace(0, 1, 5), 2) + offset)[:, np.newaxis] * np.ones(3)
    means = domain_means(values, replicates, [np.arange(5), np.arange(5, 10)])
    apart = estimate(means[1] - means[0], replicates, 0.95)
    assert apart.se == pytest.approx(0, abs=1e-12)  # each subject is its own control
    assert apart.value == pytest.approx(0.1)


def test_means_are_over_scored_pairs_of_the_domain():
    replicates, members = crossed(2, 2, 2)
    values = np.array([[0.1, 0.3], [np.nan, 0.5], [0.2, 0.4], [np.nan, np.nan]])
    means = domain_means(values, replicates, members)[:, 0]
    np.testing.assert_allclose(means, [0.3, 0.3])


def test_a_scan_without_scores_is_as_if_it_were_not_there():
    rng = np.random.default_rng(4)
    values = rng.random((6, 3))
    replicates, members = crossed(2, 3, 3)
    short = [members[0], members[1][:2]]
    emptied = values.copy()
    emptied[5] = np.nan
    np.testing.assert_allclose(
        domain_means(emptied, replicates, members),
        domain_means(values, replicates, short),
    )


@pytest.mark.parametrize(
    "groups",
    [[("a", 3), ("b", 2)], [("a", 3), ("b", 1), ("ab", 2), ("abc", 1), ("c", 3)]],
    ids=["one scanner each", "travelling"],
)
def test_what_is_left_out_is_as_if_it_had_no_weight(groups):
    """Means without a seed, a subject, a pair; the rest of a stratum weighs more."""
    subjects, domains, members = travel(*groups)
    rng = np.random.default_rng(9)
    values = rng.random((len(subjects), 3))
    values[1, 2] = np.nan
    replicates = draw(subjects, domains, 3, 5)
    means = domain_means(values, replicates, members)
    _, *strata = replicates.left_out
    stratum = np.repeat(np.arange(len(strata)), strata)
    known = np.isfinite(values)
    numbers = sum(strata)
    for person in range(numbers):
        n = strata[stratum[person]]
        of_person = np.where(stratum == stratum[person], n / max(n - 1, 1), 1.0)
        of_person[person] = 0.0
        for seed in (None, 0, 2):
            weights = (
                np.repeat(of_person[replicates.people][:, None], 3, axis=1) * known
            )
            if seed is not None:
                weights[:, seed] = 0.0
            place = replicates.after + 3 + person
            if seed is not None:
                place = replicates.after + 3 + numbers + 3 * person + seed
            for domain, scans in enumerate(members):
                total = weights[scans].sum()
                filled = np.where(known, values, 0.0)[scans]
                expected = (weights[scans] * filled).sum() / total if total else np.nan
                assert means[domain, place] == pytest.approx(expected, nan_ok=True)


def test_a_long_tail_moves_the_end_of_a_share_and_no_other():
    replicates, members = crossed(2, 6, 5)
    values = np.full((12, 5), 0.9)
    values[0] = 0.1
    values += 0.01 * np.random.default_rng(0).normal(size=values.shape)
    found = estimate(
        domain_means(values, replicates, members).mean(axis=0), replicates, 0.95
    )
    plain, share = found.interval(()), found.interval((), share=True)
    assert found.lean < 0
    assert share.low < plain.low - 0.01
    assert share.high == min(plain.high, 1.0)


def test_one_high_subject_of_three_does_not_widen_the_interval_to_one():
    """Means of a real study: 0.73, 0.73 and 0.80; the t quantile of two is 4.3."""
    replicates, members = crossed(1, 3, 3)
    by_subject = np.array([[0.732, 0.743, 0.720], [0.729, 0.729, 0.726]])
    values = np.vstack([by_subject, [0.798, 0.808, 0.796]])

    def reach(scores):
        means = domain_means(scores, replicates, members)
        found = estimate(means.mean(axis=0), replicates, 0.95).interval((), share=True)
        return found.value - found.low, found.high - found.value

    below, above = reach(values)
    assert below < above < 1.5 * below
    mirrored_below, mirrored_above = reach(1.4 - values)  # one low subject of three
    assert mirrored_above == pytest.approx(below)
    assert mirrored_below > 2 * mirrored_above


def test_seeds_alone_give_the_interval_of_the_t_distribution():
    by_seed = np.array([0.71, 0.74, 0.80, 0.77])
    replicates, members = crossed(2, 3, 4, resamples=20_000)
    found = estimate(
        domain_means(np.tile(by_seed, (6, 1)), replicates, members).mean(axis=0),
        replicates,
        0.95,
    )
    error = by_seed.std(ddof=1) / 2
    assert found.df == pytest.approx(3)
    assert found.se == pytest.approx(error, rel=0.02)
    reach = stats.t.ppf(0.975, 3) * error
    assert found.low == pytest.approx(by_seed.mean() - reach, abs=0.003)


def test_subjects_alone_give_the_variance_of_a_stratified_mean():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(12, 1)) * np.ones(3)
    replicates, members = crossed(3, 4, 3, resamples=20_000)
    found = estimate(
        domain_means(values, replicates, members).mean(axis=0), replicates, 0.95
    )
    parts = [values[scans, 0].var(ddof=1) / 4 / 9 for scans in members]
    assert found.se == pytest.approx(np.sqrt(sum(parts)), rel=0.02)
    expected = sum(parts) ** 2 / sum(part**2 / 3 for part in parts)
    assert found.df == pytest.approx(expected)


@settings(UNHURRIED, max_examples=25)
@given(shift=st.floats(-5, 5), scale=st.floats(0.1, 10))
def test_intervals_move_and_stretch_with_the_scores(shift, scale):
    values = np.random.default_rng(2).random((6, 3))
    replicates, members = crossed(2, 3, 3)

    def measure(scores):
        means = domain_means(scores, replicates, members)
        return estimate(means.mean(axis=0), replicates, 0.9)

    one, other = measure(values), measure(scale * values + shift)
    assert other.low == pytest.approx(scale * one.low + shift, abs=1e-9)
    assert other.high == pytest.approx(scale * one.high + shift, abs=1e-9)
    assert other.df == pytest.approx(one.df)


def test_the_interval_holds_nothing_exactly_where_p_is_its_level():
    rng = np.random.default_rng(5)
    replicates, members = crossed(2, 5, 4)
    means = domain_means(rng.normal(0.3, 1, (50, 10, 4)), replicates, members)
    found = estimate(means.mean(axis=1), replicates, 0.95)
    outside = (found.low > 0) | (found.high < 0)
    assert 0 < outside.sum() < 50
    np.testing.assert_array_equal(outside, found.p < 0.05)


@pytest.mark.parametrize(
    ("subjects", "seeds"), [(3, 1), (1, 3)], ids=["one seed", "one subject"]
)
def test_without_a_second_seed_or_subject_there_is_no_interval(subjects, seeds):
    replicates, members = crossed(2, subjects, seeds)
    values = np.random.default_rng(3).random((2 * subjects, seeds))
    found = estimate(
        domain_means(values, replicates, members).mean(axis=0), replicates, 0.95
    )
    assert np.isfinite(found.value)
    assert all(np.isnan(x) for x in (found.low, found.high, found.p, found.se))


def test_a_difference_of_nothing_is_no_difference():
    replicates, members = crossed(2, 3, 3)
    means = domain_means(np.zeros((6, 3)), replicates, members).mean(axis=0)
    found = estimate(means, replicates, 0.95)
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)


SPREADS = {  # standard deviation of subjects, seeds, seeds within domain, rest
    "subjects vary": (0.05, 0.0, 0.0, 0.02),
    "seeds vary": (0.02, 0.05, 0.0, 0.01),
    "networks vary by domain": (0.05, 0.0, 0.05, 0.02),
    "all vary": (0.05, 0.03, 0.02, 0.02),
}


def travel(*groups):
    """Subject and domain of each scan of groups of subjects, and the members.

    A group is the domains its subjects were seen on, and how many there are.
    """
    people = [domains for domains, count in groups for _ in range(count)]
    scans = [(f"s{n}", where) for n, on in enumerate(people) for where in on]
    subjects, domains = zip(*scans, strict=True)
    names = sorted(set(domains))
    return subjects, domains, [np.flatnonzero(np.array(domains) == d) for d in names]


@UNHURRIED
@given(scans=people)
def test_only_who_is_alone_on_every_domain_is_a_stratum(scans):
    subjects, domains = zip(*scans, strict=True)
    replicates = draw(subjects, domains, 3, 1)
    met = {
        subject: {
            other
            for other, where in scans
            if any(domain == where for name, domain in scans if name == subject)
        }
        for subject in subjects
    }
    alone = sum(others == {subject} for subject, others in met.items())
    assert replicates.left_out[1:].count(1) == alone
    assert sum(replicates.left_out[1:]) == len(met)


@UNHURRIED
@given(scans=people)
def test_subjects_who_differ_are_never_known_without_error(scans):
    """The interval of a domain is wider than a point, or there is none."""
    scans = sorted(set(scans))
    subjects, domains = zip(*scans, strict=True)
    values = np.random.default_rng(6).random((len(scans), 1)) * np.ones(3)
    members = [np.flatnonzero(np.array(domains) == d) for d in sorted(set(domains))]
    replicates = draw(subjects, domains, 3)
    found = estimate(domain_means(values, replicates, members), replicates, 0.95)
    single = np.array([len(scans) < 2 for scans in members])
    np.testing.assert_array_equal(np.isnan(found.low), single)
    np.testing.assert_array_equal(np.isnan(found.p), single)
    assert (found.high[~single] - found.low[~single] > 1e-6).all()


def test_one_subject_on_each_scanner_and_one_on_both_leave_doubt():
    subjects, domains, members = travel(("a", 1), ("b", 1), ("ab", 1))
    replicates = draw(subjects, domains, 3)
    values = np.array([[-0.09], [0.01], [0.02], [-0.05]]) * np.ones(3)
    means = domain_means(values, replicates, members).mean(axis=0)
    found = estimate(means, replicates, 0.95)
    assert found.value == pytest.approx(-0.0275)
    assert found.df == pytest.approx(2)
    assert found.low < 0 < found.high
    assert found.p > 0.05


def simulate(spread, shape, rng):
    """Scores of one study whose true mean is 0."""
    domains, subjects, seeds = shape
    person, seed, network, rest = (
        deviation * rng.normal(size=size)
        for deviation, size in zip(
            spread,
            [(domains, subjects, 1), (1, 1, seeds), (domains, 1, seeds), shape],
            strict=True,
        )
    )
    return (person + seed + network + rest).reshape(-1, seeds)


def cover(spread, shape, studies=400):
    """How often the interval holds the truth; that of bootstrap percentiles too."""
    rng = np.random.default_rng(2026)
    held = np.zeros(2)
    for number in range(studies):
        replicates, members = crossed(*shape, resamples=RESAMPLES, seed=number)
        values = simulate(spread, shape, rng)
        means = domain_means(values, replicates, members).mean(axis=0)
        found = estimate(means, replicates, 0.95)
        ends = np.quantile(means[1 : 1 + RESAMPLES], [0.025, 0.975])
        held += [found.low <= 0 <= found.high, ends[0] <= 0 <= ends[1]]
    return held / studies


# 400 studies: the standard error of a coverage of 0.95 is 0.011.
@pytest.mark.parametrize("spread", SPREADS.values(), ids=SPREADS)
@pytest.mark.parametrize("shape", [(3, 4, 3), (3, 8, 5)], ids=["small", "usual"])
def test_95_percent_intervals_hold_the_truth_19_times_in_20(spread, shape):
    assert 0.915 <= cover(spread, shape)[0] <= 0.99


CROSSED = {
    "one each, one on both": [("a", 1), ("b", 1), ("ab", 1)],
    "few each, one on both": [("a", 4), ("b", 4), ("ab", 1)],
    "all on two of four": [("ab", 1), ("bc", 1), ("cd", 1), ("ad", 1)],
    "mixed": [("a", 3), ("b", 1), ("ab", 2), ("abc", 1), ("c", 3)],
}


@pytest.mark.parametrize("groups", CROSSED.values(), ids=CROSSED)
def test_intervals_hold_the_truth_where_subjects_travel(groups):
    subjects, domains, members = travel(*groups)
    person = np.unique(subjects, return_inverse=True)[1]
    rng = np.random.default_rng(2026)
    held = 0
    for number in range(300):
        replicates = draw(subjects, domains, 4, 100, number)
        ease = 0.05 * rng.normal(size=(person.max() + 1, 1))
        rest = 0.02 * rng.normal(size=(len(person), 1))
        values = ease[person] + rest + 0.01 * rng.normal(size=(len(person), 4))
        means = domain_means(values, replicates, members).mean(axis=0)
        found = estimate(means, replicates, 0.95)
        held += found.low <= 0 <= found.high
    # Satterthwaite's degrees of freedom are themselves estimates: fewer with few.
    assert 0.90 <= held / 300 <= 0.995


def test_percentiles_of_three_seeds_would_not():
    ours, percentiles = cover(SPREADS["seeds vary"], (3, 4, 3))
    assert percentiles < 0.85
    assert ours > 0.915
