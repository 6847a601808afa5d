"""Every intensity method by name, over the kernels of `medinorm.intensity`.

A method of one kind is fitted on each scan by itself. One of the other kind measures
training scans, learns from the measurements, and gives each scan its map by what it
learned.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medinorm.choices import IntensityName
from medinorm.config import IntensityOptions
from medinorm.harmonize.sample import Sample
from medinorm.intensity import (
    IntensityMap,
    LinearMap,
    Moments,
    Policy,
    clip_map,
    find_regions,
    fit_adaptive,
    fit_clusters,
    fit_group,
    fit_instance,
    fit_layer,
    fit_percentile,
    fit_population,
    fit_regions,
    fit_thumbnail,
    measure_foreground,
    name_groups,
    pool_moments,
    standardize,
    window_map,
)
from medinorm.intensity.methods.fcm import fit_fcm
from medinorm.intensity.methods.histogram import fit_histogram, measure_histogram
from medinorm.intensity.methods.kde import fit_kde
from medinorm.intensity.methods.nyul import fit_nyul, measure_landmarks
from medinorm.intensity.methods.whitestripe import fit_whitestripe

PerScan = Callable[[Sample, IntensityOptions], IntensityMap]

# Fits keep from it what the map does outside of the foreground: nothing of its own.
_MEASURED = Policy("image")


@dataclass(frozen=True)
class Learned:
    """A method that learns from training scans.

    Args:
        measure: what is remembered of one training scan.
        fit: what is learned from all that is remembered.
        map_for: the map of one scan, by what was learned.
    """

    measure: Callable[[Sample, IntensityOptions], Any]
    fit: Callable[[Sequence[Any], IntensityOptions], IntensityMap]
    map_for: Callable[[Any, Sample, IntensityOptions], IntensityMap]


def choose_scans(
    intensity: IntensityName, training: Sequence[str], options: IntensityOptions
) -> list[str]:
    """Which training scans a method learns from: all, or evenly chosen references.

    Examples:
        >>> options = IntensityOptions(adaptive_instance={"references": 2})
        >>> choose_scans("adaptive_instance", ["a", "b", "c", "d"], options)
        ['a', 'c']
    """
    if intensity != "adaptive_instance":
        return list(training)
    count = min(options.adaptive_instance.references, len(training))
    return [training[place * len(training) // count] for place in range(count)]


def _keep(scan: Sample, _options: IntensityOptions) -> LinearMap:
    channels = len(scan.array)
    return LinearMap((0.0,) * channels, (1.0,) * channels)


def _fit_group(scan: Sample, options: IntensityOptions) -> LinearMap:
    groups = name_groups(scan.channels, options.group.channels)
    return fit_group(scan.array, groups, scan.policy, scan.given)


def _fit_percentile(scan: Sample, options: IntensityOptions) -> LinearMap:
    percentiles = options.percentile.percentiles
    return fit_percentile(scan.array, percentiles, scan.policy, scan.given)


def _fit_regions(scan: Sample, options: IntensityOptions) -> IntensityMap:
    """Classes of the foreground's intensities, and all that is outside of it."""
    count = options.spatially_adaptive.classes
    regions = np.zeros(scan.array.shape, dtype=np.uint8)
    for channel, mask, region in zip(scan.array, scan.masks, regions, strict=True):
        inside = np.ones(channel.shape, dtype=bool) if mask is None else mask
        region[inside] = 1 + find_regions(channel[inside], count)
    policy = Policy("image", constant=scan.constant)
    return fit_regions(scan.array, policy, regions=regions)


def _fit_thumbnail(scan: Sample, options: IntensityOptions) -> LinearMap:
    part = options.thumbnail_instance.model_dump()
    return fit_thumbnail(scan.array, scan.policy, scan.given, **part)


PER_SCAN: Mapping[IntensityName, PerScan] = {
    "none": _keep,
    "zscore": lambda scan, _: fit_instance(scan.array, scan.policy, scan.given),
    "layer": lambda scan, _: fit_layer(scan.array, scan.policy, scan.given),
    "group": _fit_group,
    "percentile": _fit_percentile,
    "spatially_adaptive": _fit_regions,
    "thumbnail_instance": _fit_thumbnail,
    "whitestripe": lambda scan, options: fit_whitestripe(
        scan.array, scan.masks, options.whitestripe.peak, options.whitestripe.width
    ),
    "fcm": lambda scan, options: fit_fcm(scan.array, scan.masks, options.fcm.tissue),
    "kde": lambda scan, options: fit_kde(scan.array, scan.masks, options.kde.peak),
    "clip": lambda scan, options: clip_map(
        options.clip.low, options.clip.high, len(scan.array)
    ),
    "window": lambda scan, options: window_map(
        options.window.center, options.window.width, len(scan.array)
    ),
}


def _measure(scan: Sample, _options: IntensityOptions) -> Moments:
    return measure_foreground(scan.array, scan.policy, scan.given)


def _pool_references(parts: Sequence[Moments], _options: IntensityOptions) -> LinearMap:
    """The references' moments, as the map that brings them to 0 and 1."""
    return standardize(pool_moments(parts))


def _match_references(
    learned: LinearMap, scan: Sample, options: IntensityOptions
) -> LinearMap:
    """The map that gives a scan the references' moments, or goes a part of the way."""
    given = options.adaptive_instance
    squares = tuple(std * std for std in learned.scale)
    target = Moments((1,) * len(squares), learned.offset, squares)
    matched = fit_adaptive(
        scan.array, target, scan.policy, scan.given, alpha=given.alpha
    )
    return matched.then(learned) if given.standardize else matched


def _fit_clusters(parts: Sequence[Moments], options: IntensityOptions) -> IntensityMap:
    given = options.cluster_instance
    return fit_clusters(
        parts, given.clusters, _MEASURED, blend=given.blend, seed=given.seed
    )


LEARNED: Mapping[IntensityName, Learned] = {
    "population": Learned(
        measure=_measure,
        fit=lambda parts, _: fit_population(parts, _MEASURED),
        map_for=lambda learned, _scan, _options: learned,
    ),
    "adaptive_instance": Learned(_measure, _pool_references, _match_references),
    "cluster_instance": Learned(
        measure=_measure,
        fit=_fit_clusters,
        map_for=lambda learned, scan, options: learned.for_scan(
            _measure(scan, options)
        ),
    ),
    "nyul": Learned(
        measure=lambda scan, options: measure_landmarks(
            scan.array, scan.masks, options.nyul.percentiles
        ),
        fit=lambda parts, options: fit_nyul(parts, options.nyul.scale),
        map_for=lambda learned, scan, _: learned.map_for(scan.array, scan.masks),
    ),
    "histogram": Learned(
        measure=lambda scan, options: measure_histogram(
            scan.array, scan.masks, options.histogram.quantiles
        ),
        fit=lambda parts, options: fit_histogram(parts, options.histogram.scale),
        map_for=lambda learned, scan, _: learned.map_for(scan.array, scan.masks),
    ),
}
