"""Z-scores: mean 0 and standard deviation 1, of each channel, of groups or of all.

They have the names of the network layers that do the same to features: instance, layer,
group. `population` uses statistics of the training set for all scans, as `batch` does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from medinorm.errors import IntensityError
from medinorm.intensity.foreground import Policy, masks_to_measure
from medinorm.intensity.maps.linear import LinearMap, match_moments, standardize
from medinorm.intensity.method import (
    LearnedMethod,
    PreparedScan,
    learned,
    per_scan,
)
from medinorm.intensity.statistics.moments import (
    ForegroundMoments,
    constant_error,
    merge_scans,
    pool_moments,
)
from medinorm.intensity.voxels.arrays import measure
from medinorm.intensity.voxels.kinds import Voxels
from medinorm.intensity.voxels.sums import merge


def measure_foreground(
    array: Voxels, policy: Policy, mask: Voxels | None = None
) -> ForegroundMoments:
    """Moments of the foreground of each channel.

    Args:
        array: shape ``(C, ...)``, NumPy or torch.
        policy: which voxels are measured, and what if they are constant.
        mask: of the foreground, for the foregrounds `label` and `file`.

    Raises:
        IntensityError: the foreground is constant and the policy refuses that; or as
            `find_masks`.
    """
    groups = [[channel] for channel in range(len(array))]
    return _measure_groups(array, groups, policy, mask)


def fit_instance(
    array: Voxels, policy: Policy, mask: Voxels | None = None
) -> LinearMap:
    r"""The z-score of each channel of a scan. For arguments see `measure_foreground`.

    .. math::
        y = \frac{x - \mu_c}{\sigma_c}, \qquad
        \mu_c = \frac1{|F_c|} \sum_{v \in F_c} x_{cv}, \quad
        \sigma^2_c = \frac1{|F_c|} \sum_{v \in F_c} (x_{cv} - \mu_c)^2

    with the foreground :math:`F_c` of each channel.

    References:
        Reinhold, Dewey, Carass and Prince, "Evaluating the impact of intensity
        normalization on MR image synthesis", SPIE Medical Imaging 2019,
        DOI 10.1117/12.2513089.

    Examples:
        >>> import numpy as np
        >>> fit_instance(
        ...     np.array([[1.0, 3.0], [10.0, 30.0]]), Policy("image")
        ... )  # doctest: +ELLIPSIS
        LinearMap(offset=(2.0, 20.0), scale=(1.0, 10.0), ...)
    """
    return standardize(measure_foreground(array, policy, mask)).following(policy)


def fit_layer(array: Voxels, policy: Policy, mask: Voxels | None = None) -> LinearMap:
    r"""The z-score of all channels of a scan together.

    .. math::
        y = \frac{x - \mu}{\sigma}, \qquad
        \mu = \frac1{|F|} \sum_{(c,v) \in F} x_{cv}, \quad
        \sigma^2 = \frac1{|F|} \sum_{(c,v) \in F} (x_{cv} - \mu)^2

    with the foreground :math:`F` of all channels.

    Differences between channels stay: for channels in one unit, such as echoes. A
    constant channel, where the policy allows it, becomes 0 and is left out.
    """
    return fit_group(array, [range(len(array))], policy, mask)


def fit_group(
    array: Voxels,
    groups: Sequence[Sequence[int]],
    policy: Policy,
    mask: Voxels | None = None,
) -> LinearMap:
    r"""The z-score of groups of channels of a scan.

    .. math::
        y = \frac{x - \mu_g}{\sigma_g}, \qquad
        \mu_g = \frac1{|F_g|} \sum_{(c,v) \in F_g} x_{cv}, \quad
        \sigma^2_g = \frac1{|F_g|} \sum_{(c,v) \in F_g} (x_{cv} - \mu_g)^2

    with the foreground :math:`F_g` of all channels of the group :math:`g`.

    Args:
        array: shape ``(C, ...)``, NumPy or torch.
        groups: the channels of each group; every channel in one of them.
        policy: which voxels are measured, and what if they are constant.
        mask: of the foreground, for the foregrounds `label` and `file`.

    Raises:
        IntensityError: the groups do not hold each channel once, the foreground of a
            group is constant and the policy refuses that; or as `find_masks`.
    """
    moments = _measure_groups(array, groups, policy, mask)
    return standardize(moments).following(policy)


def name_groups(
    names: Sequence[str], groups: Sequence[Sequence[str]]
) -> tuple[tuple[int, ...], ...]:
    """Groups of channels by name as groups of positions.

    Examples:
        >>> name_groups(["t1", "t2", "t1ce"], [["t1", "t1ce"], ["t2"]])
        ((0, 2), (1,))

    Raises:
        IntensityError: a name is unknown.
    """
    unknown = {name for group in groups for name in group} - set(names)
    if unknown:
        raise IntensityError(
            f"no channel is called {min(unknown)!r}; there are {', '.join(names)}"
        )
    return tuple(tuple(map(list(names).index, group)) for group in groups)


def fit_population(parts: Sequence[ForegroundMoments], policy: Policy) -> LinearMap:
    r"""The z-score of all voxels of all training scans: the same map for every scan.

    .. math::
        y = \frac{x - \mu_c}{\sigma_c}, \qquad
        \mu_c = \frac1{\sum_i n_i} \sum_i n_i\,\mu_{ic}, \quad
        \sigma^2_c = \frac1{\sum_i n_i}
        \sum_i n_i \bigl(\sigma^2_{ic} + (\mu_{ic} - \mu_c)^2\bigr)

    with the number :math:`n_i` of foreground voxels of each training scan :math:`i`,
    their mean and their variance.

    Scans in which a channel is constant do not count in it (`merge_scans`).

    Args:
        parts: moments of each training scan (`measure_foreground`).
        policy: the one that was used to measure them.

    Raises:
        IntensityError: there is no scan, or scans differ in their number of channels.
    """
    return standardize(merge_scans(parts)).following(policy)


def fit_adaptive(
    array: Voxels,
    target: ForegroundMoments,
    policy: Policy,
    mask: Voxels | None = None,
    *,
    alpha: float = 1.0,
) -> LinearMap:
    """Match mean and standard deviation of one reference scan, or of several.

    The equation is that of `match_moments`.

    Args:
        array: shape ``(C, ...)``, NumPy or torch.
        target: moments of the reference (`measure_foreground`), or of several
            (`pool_moments`), measured by the same policy.
        policy: which voxels are measured, and what if they are constant.
        mask: of the foreground, for the foregrounds `label` and `file`.
        alpha: how far to go, from 0 (the scan as it is) to 1.

    Raises:
        IntensityError: as `measure_foreground` and `match_moments`.
    """
    own = measure_foreground(array, policy, mask)
    return match_moments(own, target, alpha).following(policy)


def _measure_groups(
    array: Voxels, groups: Sequence[Sequence[int]], policy: Policy, mask: Voxels | None
) -> ForegroundMoments:
    """For each channel the moments of its group."""
    if sorted(channel for group in groups for channel in group) != [*range(len(array))]:
        raise IntensityError(
            f"the groups must hold each of the {len(array)} channels once"
        )
    masks = masks_to_measure(array, policy, mask)
    measured = [*map(measure, array, masks)]
    strict = policy.constant == "refuse"
    for group in groups:
        # An allowed constant channel is left out: it may not have been acquired.
        counted = [channel for channel in group if strict or measured[channel].m2]
        merged = merge([measured[channel] for channel in counted])
        if strict and not merged.m2:
            raise constant_error(array[group[0]], masks[group[0]])
        for channel in counted:
            measured[channel] = merged
    return ForegroundMoments.of(measured)


@per_scan(
    "zscore",
    "mean 0 and standard deviation 1 over the foreground of each scan",
    constant_zeros=True,
    transform="InstanceNormalize",
    alias="instance",
)
def map_instance(scan: PreparedScan) -> LinearMap:
    """The z-score of `fit_instance` for a scan."""
    return fit_instance(scan.array, scan.policy, scan.mask)


@per_scan(
    "layer",
    "mean 0 and standard deviation 1 over the foreground of all channels of each scan "
    "together",
    constant_zeros=True,
    transform="LayerNormalize",
)
def map_layer(scan: PreparedScan) -> LinearMap:
    """The z-score of `fit_layer` for a scan."""
    return fit_layer(scan.array, scan.policy, scan.mask)


@per_scan(
    "group",
    "mean 0 and standard deviation 1 over the foreground of groups of channels",
    constant_zeros=True,
    transform="GroupNormalize",
)
def map_group(
    scan: PreparedScan, *, channels: tuple[tuple[str, ...], ...]
) -> LinearMap:
    """The z-score of `fit_group` for a scan."""
    groups = name_groups(scan.channels, channels)
    return fit_group(scan.array, groups, scan.policy, scan.mask)


@learned(
    "population",
    "mean and standard deviation of the training scans' foreground, the same map for "
    "all scans",
    measures=False,
    constant_zeros=True,
    transform="PopulationNormalize",
)
@dataclass(frozen=True)
class Population(LearnedMethod[ForegroundMoments, LinearMap]):
    """The z-score of all training scans together, by `fit_population`."""

    def measure(self, scan: PreparedScan) -> ForegroundMoments:
        """The moments of a scan's foreground."""
        return measure_foreground(scan.array, scan.policy, scan.mask)

    def fit(self, measured: Sequence[ForegroundMoments]) -> LinearMap:
        """The z-score of all voxels."""
        return fit_population(measured, Policy("image"))

    def map_for(self, learned: LinearMap, scan: PreparedScan) -> LinearMap:
        """The same map for every scan."""
        del scan
        return learned


@learned(
    "adaptive_instance",
    "mean and standard deviation of reference scans, chosen from the training scans",
    constant_zeros=True,
    transform="AdaptiveInstanceNormalize",
)
@dataclass(frozen=True)
class AdaptiveInstance(LearnedMethod[ForegroundMoments, LinearMap]):
    """The moments of reference scans, by `fit_adaptive` and `match_moments`.

    Args:
        references: how many training scans serve as reference.
        alpha: how far to go, from 0 (the scan as it is) to 1.
        standardize: in the end, bring the references' moments to 0 and 1.
    """

    references: int
    alpha: float
    standardize: bool

    def choose(self, training: Sequence[str]) -> list[str]:
        """Evenly chosen references.

        Examples:
            >>> AdaptiveInstance(2, 1.0, True).choose(["a", "b", "c", "d"])
            ['a', 'c']
        """
        count = min(self.references, len(training))
        return [training[place * len(training) // count] for place in range(count)]

    def measure(self, scan: PreparedScan) -> ForegroundMoments:
        """The moments of a scan's foreground."""
        return measure_foreground(scan.array, scan.policy, scan.mask)

    def fit(self, measured: Sequence[ForegroundMoments]) -> LinearMap:
        """The references' moments, as the map that brings them to 0 and 1."""
        return standardize(pool_moments(measured))

    def map_for(self, learned: LinearMap, scan: PreparedScan) -> LinearMap:
        """The map that gives a scan these moments, fully or in part."""
        squares = tuple(std * std for std in learned.scale)
        target = ForegroundMoments((1,) * len(squares), learned.offset, squares)
        matched = fit_adaptive(
            scan.array, target, scan.policy, scan.mask, alpha=self.alpha
        )
        return matched.then(learned) if self.standardize else matched
