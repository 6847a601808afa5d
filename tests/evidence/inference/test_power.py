"""What a study can find: drawn studies against known power."""

import numpy as np
import pytest
from scipy import optimize, special, stats

from medinorm.evidence.inference.components import Components
from medinorm.evidence.inference.power import (
    POWER,
    SIZES,
    Target,
    find_detectable,
    plan_domains,
    plan_seeds,
    plan_subjects,
)


def only_subjects(variance, df):
    zero = np.zeros(1)
    return Components(
        seeds=zero,
        subjects=np.array([variance]),
        rest=zero,
        seed_df=np.array([4.0]),
        subject_df=np.array([df]),
        rest_df=np.array([1.0]),
        third=zero,
    )


@pytest.mark.parametrize("df", [3.0, 12.0])
@pytest.mark.parametrize("level", [0.05, 0.01])
def test_with_one_component_it_is_the_power_of_a_t_test(df, level):
    se = 0.02
    found = find_detectable(only_subjects(se**2, df), Target(0.0, level))

    def lacking(shift):
        return stats.nct.sf(stats.t.isf(level / 2, df), df, shift / se) - POWER

    exact = optimize.brentq(lacking, 0.0, 20 * se)
    # A standard deviation is underestimated on average, by this factor.
    shrinkage = np.sqrt(2 / df) * special.gamma((df + 1) / 2) / special.gamma(df / 2)
    assert found[0] == pytest.approx(exact / shrinkage, rel=0.04)


def test_the_margin_comes_on_top():
    parts = only_subjects(4e-4, 10.0)
    without = find_detectable(parts, Target(0.0, 0.05))
    assert find_detectable(parts, Target(0.01, 0.05)) == pytest.approx(without + 0.01)


@pytest.mark.parametrize("dice", [0.8, 0.93])
def test_a_lower_variant_varies_more_and_must_be_farther_away(dice):
    parts, target = only_subjects(4e-4, 10.0), Target(0.01, 0.05)
    alike = find_detectable(parts, target)
    (found,) = find_detectable(parts, target, np.array([dice]))
    lower = dice - found
    ratio = lower * (1 - lower) / (dice * (1 - dice))
    assert ratio > 1
    grown = np.sqrt((1 + ratio**2) / 2)
    assert found - 0.01 == pytest.approx((alike[0] - 0.01) * grown, rel=1e-6)


def test_in_the_middle_dice_varies_as_much_whichever_way():
    parts, target = only_subjects(1e-8, 10.0), Target(0.01, 0.05)
    found = find_detectable(parts, target, np.array([0.5]))
    assert found == pytest.approx(find_detectable(parts, target), rel=1e-3)


def test_what_is_unknown_stays_unknown():
    assert np.isnan(find_detectable(only_subjects(np.nan, 5.0), Target(0.01, 0.05)))


@pytest.mark.parametrize("difference", [0.03, 0.06])
def test_planned_domains_are_those_of_the_power_of_a_t_test(difference):
    deviation, margin = 0.04, 0.01
    (found,) = plan_domains(
        np.array([difference]), np.array([deviation]), 3, Target(margin, 0.05)
    )
    powers = {
        k: stats.nct.sf(
            stats.t.isf(0.025, k - 1),
            k - 1,
            (difference - margin) / (deviation / np.sqrt(k)),
        )
        for k in SIZES
    }
    smaller = max(k for k in SIZES if k < found)
    assert powers[int(found)] >= 0.78
    assert smaller <= 3 or powers[smaller] < 0.82


def test_more_seeds_help_where_seeds_vary_and_more_subjects_where_subjects_do():
    of_seeds = only_subjects(1e-12, 10.0)._replace(seeds=np.array([4e-4]))
    target, difference = Target(0.01, 0.05), np.array([0.04])
    assert 5 < plan_seeds(difference, of_seeds, 5, target)[0] <= 20
    assert np.isnan(plan_subjects(difference, of_seeds, target))
    of_subjects = only_subjects(4e-4, 10.0)
    assert np.isnan(plan_seeds(difference, of_subjects, 5, target))
    assert 1 < plan_subjects(difference, of_subjects, target)[0] <= 4


def test_what_does_not_matter_is_decided_by_equivalence():
    target = Target(0.01, 0.05)
    (needed,) = plan_domains(np.array([0.001]), np.array([0.01]), 3, target)
    assert 8 <= needed <= 30
    (at_margin,) = plan_domains(np.array([0.01]), np.array([0.01]), 3, target)
    assert np.isnan(at_margin)
