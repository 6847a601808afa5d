"""Scans of one cluster share moments."""

import numpy as np

from medinorm.intensity import (
    FittedMap,
    LinearMap,
    Policy,
    fit_clusters,
    hash_scans,
    measure_foreground,
)
from medinorm.transforms import (
    ClusterNormalize,
)
from tests.transforms.cases import MOMENTS, POLICY, TRAINING

LINEAR = LinearMap((10.0, 20.0), (2.0, 4.0))


def fitted(intensity_map, **parameters):
    return FittedMap("some", parameters, 3, hash_scans("abc"), intensity_map)


def test_clusters_bring_scanners_together():
    transform = ClusterNormalize(
        fit_clusters(MOMENTS, 2, POLICY, blend=0.5), foreground="positive"
    )
    policy = Policy("file")
    means = [
        measure_foreground(transform(scan).numpy(), policy, scan > 0).mean
        for scan in TRAINING
    ]
    assert np.abs(means).max() < 0.5
    assert np.std([one.mean for one in MOMENTS], axis=0).min() > 50


def test_one_constant_channel_gets_its_own_moments(scan):
    scan[1] = 7.0
    clusters = fit_clusters(MOMENTS, 2, POLICY)
    result = ClusterNormalize(clusters, foreground="positive", constant="zeros")(scan)
    assert (result[1] == 0).all()
    assert abs(result[0][scan[0] > 0].mean()) < 1e-5
