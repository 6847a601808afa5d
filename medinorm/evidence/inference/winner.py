r"""The mean of the variant that came first, corrected for having been chosen.

The highest of several means is too high: it was chosen on the data that measure it.
Here each score is taken from the variant that would have come first *without* it: the
variant with the highest mean over all other subjects and all other seeds. What is
measured was not used to choose. The mean of these scores is unbiased for the mean of
what such a choice yields, and it is the mean of the winner where the others are clearly
behind.

The correction is as uncertain as it is large. The interval therefore reaches, on either
side, as far as that of these scores or that of the winner (whichever is wider), with
the correction added in quadrature. In simulated studies (`benchmarks/statistics.py`) it
holds the truth as often as it should, and without the addition too rarely.

References:
    Andrews, Kitagawa and McCloskey, "Inference on Winners", QJE 2024,
    doi:10.1093/qje/qjad043, say why the highest mean misleads.
    Varma and Simon, "Bias in error estimation when using cross-validation for model
    selection", BMC Bioinformatics 2006, doi:10.1186/1471-2105-7-91.
"""

import numpy as np
from numpy.typing import NDArray

from medinorm.evidence.bootstrap import Interval, Replicates

Array = NDArray[np.float64]


def choose_without(means: Array, replicates: Replicates) -> NDArray[np.intp]:
    """Which variant comes first without each subject and each seed.

    Args:
        means: over domains, of each variant in each replicate, ``(V, R)``.
        replicates: where they come from.

    Returns:
        Shape ``(N, K)``. Where nothing is left without a pair, the first of the study.
    """
    seeds, *strata = replicates.left_out
    left = means[:, replicates.pairs]
    order = np.where(np.isfinite(left), left, -np.inf)
    chosen = np.where(
        np.isfinite(left).any(axis=0), order.argmax(axis=0), means[:, 0].argmax()
    )
    return chosen.reshape(sum(strata), seeds)


def score_by_choice(dice: Array, means: Array, replicates: Replicates) -> Array:
    """Each score from the variant that was chosen without it.

    Args:
        dice: of each variant, ``(V, S, K)``.
        means: over domains, of each variant in each replicate, ``(V, R)``.
        replicates: of the study.

    Returns:
        Shape ``(S, K)``, as the scores of one variant.
    """
    chosen = choose_without(means, replicates)[replicates.people]
    return np.asarray(np.take_along_axis(dice, chosen[np.newaxis], axis=0)[0])


def combine_intervals(corrected: Interval, winner: Interval) -> Interval:
    """The corrected mean with an interval that holds the uncertainty of the choice.

    Args:
        corrected: mean of the scores of `score_by_choice`, with its interval.
        winner: mean of the winner, with its interval.

    Examples:
        >>> combine_intervals(Interval(0.7, 0.65, 0.74), Interval(0.73, 0.69, 0.76))
        Interval(value=0.7, low=0.641..., high=0.75)
    """
    if None in (*corrected, *winner):
        return Interval(corrected.value, None, None)
    value, low, high = map(float, corrected)  # type: ignore[arg-type]
    of_winner, winner_low, winner_high = map(float, winner)  # type: ignore[arg-type]
    correction = of_winner - value
    below = float(np.hypot(max(value - low, of_winner - winner_low), correction))
    above = float(np.hypot(max(high - value, winner_high - of_winner), correction))
    return Interval(value, max(value - below, 0.0), min(value + above, 1.0))
