"""Maps that were fitted on training scans, in memory and as files."""

import numpy as np
import pytest
import torch

from medinorm.config import HarmonizeConfig
from medinorm.errors import IntensityError
from medinorm.intensity import (
    FittedMap,
    LinearMap,
    Policy,
    fit_clusters,
    hash_scans,
    write_fitted,
)
from medinorm.intensity.methods.nyul import fit_nyul
from medinorm.transforms import (
    AdaptiveInstanceNormalize,
    ClipIntensity,
    ClusterNormalize,
    HistogramMatch,
    InstanceNormalize,
    NyulNormalize,
    PopulationNormalize,
)
from tests.transforms.cases import LANDMARKS, MOMENTS, POLICY, QUANTILES, TRAINING

LINEAR = LinearMap((10.0, 20.0), (2.0, 4.0))


def fitted(intensity_map, **parameters):
    return FittedMap("some", parameters, 3, hash_scans("abc"), intensity_map)


@pytest.mark.parametrize(
    ("transform", "intensity_map"),
    [
        (PopulationNormalize, LINEAR),
        (ClusterNormalize, fit_clusters(MOMENTS, 2, POLICY)),
        (NyulNormalize, fit_nyul(LANDMARKS)),
    ],
)
def test_map_fitted_map_and_file_agree(transform, intensity_map, tmp_path, scan):
    learned = fitted(intensity_map, policy=vars(POLICY))
    write_fitted(learned, tmp_path / "map.json")
    alone = transform(intensity_map, foreground="positive")(scan)
    for source in (learned, tmp_path / "map.json", str(tmp_path / "map.json")):
        assert torch.equal(transform(source)(scan), alone)


@pytest.mark.parametrize("transform", [PopulationNormalize, NyulNormalize])
def test_refuses_the_map_of_another_method(transform):
    clusters = fit_clusters(MOMENTS, 2, POLICY)
    with pytest.raises(
        IntensityError, match="not a ClusterMap; give it the map of its"
    ):
        transform(clusters)


def test_a_missing_or_broken_file_is_refused_without_its_path(tmp_path):
    with pytest.raises(IntensityError, match="does not exist") as caught:
        PopulationNormalize(tmp_path / "map.json")
    assert str(tmp_path) not in str(caught.value)
    (tmp_path / "map.json").write_text("{}")
    with pytest.raises(IntensityError, match="no fitted map"):
        PopulationNormalize(tmp_path / "map.json")


def test_recorded_settings_are_taken_and_cannot_be_contradicted():
    learned = fitted(LINEAR, policy=vars(Policy("positive", nonfinite="ignore")))
    transform = PopulationNormalize(learned, restore=False)
    assert transform.policy == Policy("positive", nonfinite="ignore")
    with pytest.raises(ValueError, match="has foreground positive already; leave"):
        PopulationNormalize(learned, foreground="image")


def test_takes_the_record_of_the_workflow(scan):
    settings = HarmonizeConfig(foreground="positive", largest_component=True)
    record = settings.record("cluster_instance", fitting=True)
    learned = fitted(fit_clusters(MOMENTS, 2, Policy("image")), split="a", **record)
    transform = ClusterNormalize(learned, background=0.0)
    assert transform.policy == Policy("positive", largest=True, background=0.0)
    assert transform(scan).min() < 0


def test_references_from_the_workflow(tmp_path, scan):
    learned = LinearMap((100.0, 200.0), (10.0, 20.0))  # brings references to 0 and 1
    write_fitted(fitted(learned), tmp_path / "map.json")
    by_file = AdaptiveInstanceNormalize(tmp_path / "map.json", foreground="positive")
    statistics = {"mean": [100.0, 200.0], "std": [10.0, 20.0]}
    by_hand = AdaptiveInstanceNormalize(statistics, foreground="positive")
    assert torch.equal(by_file(scan), by_hand(scan))

    write_fitted(fitted(QUANTILES[0]), tmp_path / "quantiles.json")
    by_file = HistogramMatch(tmp_path / "quantiles.json", foreground="positive")
    by_hand = HistogramMatch(TRAINING[0], foreground="positive")
    assert torch.equal(by_file(scan), by_hand(scan))


def test_references_fitted_by_the_workflow_bring_their_settings(scan):
    learned = LinearMap((100.0, 200.0), (10.0, 20.0))
    settings = HarmonizeConfig(
        foreground="positive",
        intensity_options={"adaptive_instance": {"alpha": 0.5, "standardize": True}},
    )
    restored = fitted(learned, **settings.record("adaptive_instance", fitting=True))
    matched = AdaptiveInstanceNormalize(
        {"mean": [100.0, 200.0], "std": [10.0, 20.0]}, 0.5, foreground="positive"
    )(scan)
    expected = learned.apply(matched.as_tensor())
    torch.testing.assert_close(
        AdaptiveInstanceNormalize(restored)(scan).as_tensor(), expected
    )
    with pytest.raises(ValueError, match=r"has alpha 0\.5 already; leave it out"):
        AdaptiveInstanceNormalize(restored, alpha=1.0)
    with pytest.raises(ValueError, match="has foreground positive already"):
        AdaptiveInstanceNormalize(restored, foreground="image")

    restored = fitted(QUANTILES[0], **settings.record("histogram", fitting=True))
    assert HistogramMatch(restored).policy.foreground == "positive"


def test_numbers_of_numpy_and_torch_are_numbers(scan):
    lowest, highest = scan.numpy().min(), scan.max()
    ClipIntensity(lowest, highest)(scan)
    InstanceNormalize(foreground="positive", background=lowest)(scan)
    intensity_map = LinearMap(
        (scan.numpy().mean(), lowest), (np.float32(3), np.int64(2))
    )
    transform = PopulationNormalize(intensity_map)
    back = transform.inverse(transform(scan)).as_tensor()
    torch.testing.assert_close(back, scan.as_tensor(), rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("std", [[10.0], [10.0, -2.0], [10.0, 0.0]])
def test_statistics_of_a_reference_must_be_possible(std):
    with pytest.raises(IntensityError, match="a mean and a positive std for each"):
        AdaptiveInstanceNormalize({"mean": [100.0, 50.0], "std": std})


@pytest.mark.parametrize("kind", [NyulNormalize, ClusterNormalize])
def test_a_transform_without_its_map_says_what_it_needs(kind):
    with pytest.raises(IntensityError, match=r"from training scans.*medinorm fit"):
        kind()
    with pytest.raises(IntensityError, match="learned from training scans"):
        kind([np.zeros((1, 2, 2, 2))])
