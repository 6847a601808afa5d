"""What a study can find: drawn studies against known power."""

import numpy as np
import pytest
from scipy import optimize, stats

from medinorm.evidence.inference.components import Components
from medinorm.evidence.inference.power import POWER, Target, find_detectable


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
    assert found[0] == pytest.approx(exact, rel=0.04)


def test_the_margin_comes_on_top():
    parts = only_subjects(4e-4, 10.0)
    without = find_detectable(parts, Target(0.0, 0.05))
    assert find_detectable(parts, Target(0.01, 0.05)) == pytest.approx(without + 0.01)


def test_what_is_unknown_stays_unknown():
    assert np.isnan(find_detectable(only_subjects(np.nan, 5.0), Target(0.01, 0.05)))
