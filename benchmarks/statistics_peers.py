"""What others do with the scores of a study, for `benchmarks/statistics.py`."""

import warnings
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.stats.multitest import multipletests

Array = NDArray[np.float64]


class Ends(NamedTuple):
    """Ends of the 95 % interval of a mean over domains."""

    low: float
    high: float


def count_wilcoxon(dice: Array) -> int:
    """How many pairs Wilcoxon's test on seed-averaged scans tells apart, with Holm.

    Args:
        dice: shape ``(V, S, K)``.
    """
    scans = dice.mean(axis=2)
    p = [
        1.0 if np.allclose(one, other) else stats.wilcoxon(one, other).pvalue
        for one, other in combinations(scans, 2)
    ]
    return int((multipletests(p, method="holm")[1] <= 0.05).sum())


def bootstrap_subjects(dice: Array, place: Array, rng: np.random.Generator) -> Ends:
    """Percentiles over resampled subjects, seeds averaged.

    Args:
        dice: of one variant, ``(S, K)``.
        place: domain of each scan.
        rng: source of randomness.
    """
    means = [
        _resample(dice[place == d].mean(axis=1), rng).mean(axis=1)
        for d in np.unique(place)
    ]
    return _percentiles(np.mean(means, axis=0))


def bootstrap_crossed(dice: Array, place: Array, rng: np.random.Generator) -> Ends:
    """Percentiles over resampled subjects and resampled seeds."""
    seeds = rng.integers(dice.shape[1], size=(1000, dice.shape[1]))
    total = np.zeros(1000)
    for d in np.unique(place):
        mine = dice[place == d]
        subjects = rng.integers(len(mine), size=(1000, len(mine)))
        total += mine[subjects[:, :, np.newaxis], seeds[:, np.newaxis]].mean(
            axis=(1, 2)
        )
    return _percentiles(total / len(np.unique(place)))


def interval_of_seeds(dice: Array, place: Array) -> Ends:
    """Student's interval of the means of the seeds."""
    means = np.mean([dice[place == d].mean(axis=0) for d in np.unique(place)], axis=0)
    return _student(float(means.mean()), float(stats.sem(means)), len(means) - 1)


def interval_of_mixed_model(dice: Array, place: Array) -> Ends:
    """Restricted maximum likelihood: domains fixed, subjects and seeds random."""
    scans, seeds = np.indices(dice.shape)
    table = pd.DataFrame(
        {
            "dice": dice.ravel(),
            "domain": place[scans.ravel()],
            "subject": scans.ravel(),
            "seed": seeds.ravel(),
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a component at 0 is a warning there
        fitted = MixedLM.from_formula(
            "dice ~ 0 + C(domain)",
            groups=np.ones(len(table)),
            vc_formula={"subject": "0 + C(subject)", "seed": "0 + C(seed)"},
            data=table,
        ).fit()
    domains = len(np.unique(place))
    weights = np.full(domains, 1 / domains)
    covariance = np.asarray(fitted.cov_params())[:domains, :domains]
    error = float(np.sqrt(weights @ covariance @ weights))
    centre = float(weights @ np.asarray(fitted.fe_params))
    return Ends(centre - 1.96 * error, centre + 1.96 * error)


def _resample(values: Array, rng: np.random.Generator) -> Array:
    """A thousand resamples of some values."""
    return np.asarray(values[rng.integers(len(values), size=(1000, len(values)))])


def _percentiles(means: Array) -> Ends:
    """The middle 95 % of resampled means."""
    low, high = np.quantile(means, [0.025, 0.975])
    return Ends(float(low), float(high))


def _student(centre: float, error: float, df: int) -> Ends:
    """Student's interval."""
    reach = float(stats.t.ppf(0.975, df)) * error
    return Ends(centre - reach, centre + reach)
