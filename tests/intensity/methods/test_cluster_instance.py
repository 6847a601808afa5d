"""Scans that look alike share moments."""

import numpy as np
import pytest

from medinorm.errors import IntensityError
from medinorm.intensity import (
    Moments,
    Policy,
    fit_clusters,
    fit_instance,
    fit_population,
    measure_foreground,
    pool_moments,
)
from medinorm.intensity.methods import cluster_instance as module

IMAGE = Policy("image")
RNG = np.random.default_rng(0)
# Two scanners that differ in gain and offset, six scans each.
SCANS = [
    (1 + 9 * (k % 2)) * RNG.gamma(2.0, 10.0, (2, 10, 9, 8)) + 300 * (k % 2)
    for k in range(12)
]
PARTS = [measure_foreground(scan, IMAGE) for scan in SCANS]


def test_scanners_are_found():
    map_ = fit_clusters(PARTS, 2, IMAGE)
    numbers = [map_.nearest(part) for part in PARTS]
    assert numbers == [0, 1] * 6
    pooled = pool_moments(PARTS[::2])
    np.testing.assert_allclose(map_.mean[0], pooled.mean)
    np.testing.assert_allclose(map_.std[0], pooled.std)


def test_a_new_scan_goes_to_the_scanner_it_resembles():
    map_ = fit_clusters(PARTS, 2, IMAGE)
    new = measure_foreground(10 * RNG.gamma(2.0, 10.0, (2, 9, 9, 9)) + 290, IMAGE)
    assert map_.nearest(new) == 1


@pytest.mark.parametrize("blend", [0.0, 0.3, 1.0])
def test_the_formula(blend):
    map_ = fit_clusters(PARTS, 2, IMAGE, blend=blend)
    scan, own = SCANS[1], PARTS[1]
    mapped = map_.apply(scan)
    for c in range(2):
        shared = (scan[c] - map_.mean[1][c]) / map_.std[1][c]
        private = (scan[c] - own.mean[c]) / own.std[c]
        np.testing.assert_allclose(
            mapped[c], blend * shared + (1 - blend) * private, atol=1e-5
        )


def test_the_ends_of_the_blend_are_instance_and_population():
    own = fit_clusters(PARTS, 3, IMAGE, blend=0).apply(SCANS[4])
    np.testing.assert_allclose(
        own, fit_instance(SCANS[4], IMAGE).apply(SCANS[4]), atol=1e-6
    )
    one = fit_clusters(PARTS, 1, IMAGE, blend=1).apply(SCANS[4])
    everyone = fit_population(PARTS, IMAGE)  # scans of equal size weigh alike
    np.testing.assert_allclose(one, everyone.apply(SCANS[4]), atol=1e-5)


def test_a_seed_gives_the_same_map_and_order_makes_no_difference():
    first = fit_clusters(PARTS, 2, IMAGE, seed=3)
    assert fit_clusters(PARTS, 2, IMAGE, seed=3) == first
    other = fit_clusters(PARTS[::-1], 2, IMAGE, seed=4)
    np.testing.assert_allclose(other.centres, first.centres)
    np.testing.assert_allclose(other.std, first.std)


def test_the_map_of_a_scan_has_an_inverse_and_that_of_all_has_none():
    map_ = fit_clusters(PARTS, 2, IMAGE)
    fitted = map_.for_scan(PARTS[0])
    back = fitted.inverse().apply(fitted.apply(SCANS[0]))
    np.testing.assert_allclose(back, SCANS[0], rtol=1e-4, atol=1e-4)
    with pytest.raises(IntensityError, match="depends on the scan"):
        map_.inverse()


def test_measured_where_the_masks_are():
    policy = Policy("file", background=0)
    mask = SCANS[0] > 20
    map_ = fit_clusters(PARTS, 2, policy)
    expected = map_.for_scan(measure_foreground(SCANS[0], policy, mask))
    np.testing.assert_array_equal(
        map_.apply(SCANS[0], mask), expected.apply(SCANS[0], mask)
    )


@pytest.mark.parametrize(
    ("count", "parts", "match"),
    [
        (13, PARTS, "13 clusters of 12 scans that differ"),
        (0, PARTS, "ask for 1 to 12"),
        (2, PARTS[:1] * 5, "2 clusters of 1 scans that differ"),
        (1, [], "no scan was measured"),
        (1, [Moments((9,), (5.0,), (0.0,))], "a training scan is constant"),
    ],
)
def test_what_cannot_be_clustered_is_refused(count, parts, match):
    with pytest.raises(IntensityError, match=match):
        fit_clusters(parts, count, IMAGE)


def test_other_channels_or_blends_are_refused():
    with pytest.raises(IntensityError, match="blend must be"):
        fit_clusters(PARTS, 2, IMAGE, blend=1.5)
    one = measure_foreground(SCANS[0][:1], IMAGE)
    with pytest.raises(IntensityError, match="has 1 channels, the training scans 2"):
        fit_clusters(PARTS, 2, IMAGE).nearest(one)


def blobs(count):
    rng = np.random.default_rng(5)
    centres = 20 * rng.normal(0, 1, (count, 3))
    return centres, np.repeat(centres, 9, axis=0) + rng.normal(0, 1, (9 * count, 3))


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_k_means_is_as_good_as_scipys(count):
    vq = pytest.importorskip("scipy.cluster.vq")
    truth, points = blobs(count)
    centres, member = module._kmeans(points, count, seed=0)
    theirs, their_member = vq.kmeans2(points, truth, minit="matrix")
    loss = np.square(points - centres[member]).sum()
    assert loss <= np.square(points - theirs[their_member]).sum() * (1 + 1e-9)
    for number in range(count):
        np.testing.assert_allclose(
            points[member == number].mean(axis=0), centres[number]
        )


def test_a_centre_without_points_takes_the_farthest():
    points = np.array([[0.0], [1.0], [9.0]])
    centres = module._descend(points, np.array([[0.5], [100.0]]))
    np.testing.assert_allclose(centres, [[0.5], [9.0]])


def test_as_many_clusters_as_scans():
    map_ = fit_clusters(PARTS, len(PARTS), IMAGE, blend=1)
    for part in PARTS:
        np.testing.assert_allclose(map_.mean[map_.nearest(part)], part.mean)


def test_a_scan_with_a_constant_channel_has_no_cluster():
    fitted = fit_clusters(PARTS, 2, IMAGE)
    scan = SCANS[0].copy()
    scan[1] = 5
    own = measure_foreground(scan, Policy("image", constant="zeros"))
    with pytest.raises(IntensityError, match="a channel is constant"):
        fitted.for_scan(own)
