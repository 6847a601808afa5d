"""Cluster instance normalization at image level: similar scans share moments.

The paper (IEEE TMM 10243072) describes a layer. Only its abstract could be read: this
counterpart for scans is a reconstruction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from medinorm.errors import IntensityError
from medinorm.intensity.foreground import Policy
from medinorm.intensity.maps.linear import LinearMap
from medinorm.intensity.method import LearnedMethod, PreparedScan, learned
from medinorm.intensity.methods.zscore import measure_foreground
from medinorm.intensity.statistics.moments import (
    ForegroundMoments,
    measure_moments,
    pool_moments,
    require_same_channels,
)
from medinorm.intensity.voxels.kinds import (
    ArrayT,
    Masks,
)

Points = NDArray[np.float64]

_STARTS = 16
_STEPS = 300


@dataclass(frozen=True)
class ClusterMap:
    r"""The z-score by the moments of the nearest cluster, blended with the scan's own.

    .. math:: y = g\,\frac{x - \tilde\mu}{\tilde\sigma}
        + (1 - g)\,\frac{x - \mu}{\sigma}

    Distance is measured in :math:`z = (\mu_c, \log \sigma_c)`, in units of the standard
    deviation of these values among the training scans.

    Args:
        centre: mean :math:`z` of the training scans.
        spread: standard deviation of their :math:`z`, positive.
        centres: :math:`z` of each cluster, in these units.
        mean: :math:`\tilde\mu` of each cluster and channel, in the unit of the input.
        std: :math:`\tilde\sigma`, likewise.
        blend: :math:`g`, from 0 (own moments only) to 1.
        background: value of :math:`y` outside of the foreground; ``None``: mapped.
        nonfinite: what NaN and infinity become; ``None``: they stay.
    """

    kind: ClassVar[str] = "clusters"

    centre: tuple[float, ...]
    spread: tuple[float, ...]
    centres: tuple[tuple[float, ...], ...]
    mean: tuple[tuple[float, ...], ...]
    std: tuple[tuple[float, ...], ...]
    blend: float
    background: float | None = None
    nonfinite: float | None = None

    def apply(self, array: ArrayT, masks: Masks | None = None) -> ArrayT:
        """Map all voxels of a scan, by its own moments and its cluster's.

        Args:
            array: shape ``(C, ...)``, NumPy or torch.
            masks: where to measure, for each channel; ``None``: all voxels.

        Returns:
            The same shape, kind and device, float32.

        Raises:
            IntensityError: the foreground is constant; or as `measure_moments`.
        """
        inside = [None] * len(array) if masks is None else masks
        own = measure_moments(array, inside)
        return self.for_scan(own).apply(array, masks)

    def for_scan(self, own: ForegroundMoments) -> LinearMap:
        """The map of a scan with these moments.

        Raises:
            IntensityError: a channel is constant, or the scan has other channels than
                the training scans.
        """
        if not all(own.m2):
            raise IntensityError(
                "the foreground of a channel is constant; check the scan, or choose "
                "another foreground"
            )
        number = self.nearest(own)
        offsets, scales = [], []
        for channel, mean, std in zip(
            own.by_channel, self.mean[number], self.std[number], strict=True
        ):
            shared, private = self.blend / std, (1 - self.blend) / channel.std
            scale = 1 / (shared + private)
            # From the difference of the means: a large offset costs no precision.
            offsets.append(channel.mean + shared * scale * (mean - channel.mean))
            scales.append(scale)
        return LinearMap(
            tuple(offsets),
            tuple(scales),
            background=self.background,
            nonfinite=self.nonfinite,
        )

    def nearest(self, own: ForegroundMoments) -> int:
        """The number of the cluster nearest to a scan with these moments.

        Raises:
            IntensityError: the scan has other channels than the training scans.
        """
        style = _style(own)
        if style.size != len(self.centre):
            raise IntensityError(
                f"the scan has {style.size // 2} channels, the training scans "
                f"{len(self.centre) // 2}"
            )
        place = (style - self.centre) / self.spread
        return int(np.square(np.array(self.centres) - place).sum(axis=1).argmin())

    def inverse(self) -> LinearMap:
        """Not possible without the scan: invert ``for_scan(moments)``.

        Raises:
            IntensityError: always.
        """
        raise IntensityError("a cluster map depends on the scan; invert for_scan(...)")


def fit_clusters(
    parts: Sequence[ForegroundMoments],
    count: int,
    policy: Policy,
    *,
    blend: float = 0.5,
    seed: int = 0,
) -> ClusterMap:
    """Find clusters of training scans by their moments (k-means), and pool these.

    Args:
        parts: moments of each training scan (`measure_foreground`), none constant.
        count: number of clusters.
        policy: the one that was used to measure the parts.
        blend: share of the cluster's moments, from 0 (own moments only) to 1.
        seed: of the random starts of k-means; the best of several is kept.

    Raises:
        IntensityError: there are fewer scans that differ than clusters, a scan is
            constant, or `blend` is not between 0 and 1.
    """
    if not 0 <= blend <= 1:
        raise IntensityError(f"blend must be between 0 and 1, not {blend:g}")
    if any(not m2 for scan in parts for m2 in scan.m2):
        raise IntensityError("a training scan is constant; leave it out")
    require_same_channels([len(scan.count) for scan in parts])
    styles = np.array([_style(scan) for scan in parts])
    centre = styles.mean(axis=0)
    deviation = np.where(np.ptp(styles, axis=0) > 0, styles.std(axis=0), 1.0)
    centres, member = _kmeans((styles - centre) / deviation, count, seed)
    clusters = [
        pool_moments([scan for scan, at in zip(parts, member, strict=True) if at == k])
        for k in range(count)
    ]
    return ClusterMap(
        centre=tuple(centre.tolist()),
        spread=tuple(deviation.tolist()),
        centres=tuple(tuple(row) for row in centres.tolist()),
        mean=tuple(cluster.mean for cluster in clusters),
        std=tuple(cluster.std for cluster in clusters),
        blend=blend,
        background=policy.background,
        nonfinite=policy.nonfinite_value,
    )


def _style(moments: ForegroundMoments) -> NDArray[np.float64]:
    """Means and logarithms of the standard deviations of all channels."""
    return np.concatenate([moments.mean, np.log(moments.std)])


def _kmeans(points: Points, count: int, seed: int) -> tuple[Points, NDArray[np.intp]]:
    """Centres, ordered, and the centre of each point: the best of several starts.

    Own code: importing SciPy's takes half a second, in every job.

    References:
        Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information
        Theory 28(2), 1982; Arthur and Vassilvitskii, "k-means++: the advantages of
        careful seeding", SODA 2007.
    """
    different = len(np.unique(points, axis=0))
    if not 1 <= count <= different:
        raise IntensityError(
            f"{count} clusters of {different} scans that differ; ask for 1 to "
            f"{different}"
        )
    rng = np.random.default_rng(seed)
    tries = [_descend(points, _seed(points, count, rng)) for _ in range(_STARTS)]
    centres = min(tries, key=lambda each: _distances(points, each).min(1).sum())
    centres = centres[np.lexsort(centres.T[::-1])]
    return centres, _distances(points, centres).argmin(axis=1)


def _seed(points: Points, count: int, rng: np.random.Generator) -> Points:
    """Points far from each other: each drawn by its distance to those before."""
    chosen = [int(rng.integers(len(points)))]
    while len(chosen) < count:
        weight = _distances(points, points[chosen]).min(axis=1)
        chosen.append(int(rng.choice(len(points), p=weight / weight.sum())))
    return points[chosen]


def _descend(points: Points, centres: Points) -> Points:
    """Move centres to the means of their points until no point changes its centre.

    A centre without points gets the point that is farthest from its own centre.
    """
    member = np.full(len(points), -1)
    for _ in range(_STEPS):
        distances = _distances(points, centres)
        nearest = distances.argmin(axis=1)
        for number in set(range(len(centres))) - set(nearest.tolist()):
            sizes = np.bincount(nearest, minlength=len(centres))
            away = np.where(sizes[nearest] > 1, distances.min(axis=1), -1.0)
            nearest[away.argmax()] = number
        if (nearest == member).all():
            break
        member = nearest
        centres = np.array(
            [points[member == number].mean(axis=0) for number in range(len(centres))]
        )
    return centres


def _distances(points: Points, centres: Points) -> Points:
    """Squared distance of each point to each centre."""
    return np.asarray(np.square(points[:, np.newaxis] - centres).sum(axis=-1))


@learned(
    "cluster_instance",
    "mean and standard deviation of the nearest cluster of training scans, blended "
    "with the scan's own (a reconstruction from the paper's abstract)",
    transform="ClusterNormalize",
)
@dataclass(frozen=True)
class ClusterInstance(LearnedMethod[ForegroundMoments, ClusterMap]):
    """Clusters of training scans, by `fit_clusters`; the map is a `ClusterMap`."""

    clusters: int
    blend: float
    seed: int

    def measure(self, scan: PreparedScan) -> ForegroundMoments:
        """The moments of a scan's foreground."""
        return measure_foreground(scan.array, scan.policy, scan.mask)

    def fit(self, measured: Sequence[ForegroundMoments]) -> ClusterMap:
        """The clusters."""
        return fit_clusters(
            measured, self.clusters, Policy("image"), blend=self.blend, seed=self.seed
        )

    def map_for(self, learned: ClusterMap, scan: PreparedScan) -> LinearMap:
        """The z-score by the cluster nearest to a scan, blended with the scan's own."""
        return learned.for_scan(self.measure(scan))
