"""A fitted map is a file that says what it was fitted on."""

import numpy as np
import pytest

from medinorm.errors import IntensityError
from medinorm.intensity import (
    FittedMap,
    LinearMap,
    Policy,
    fit_clusters,
    fit_instance,
    fit_regions,
    hash_scans,
    measure_foreground,
    read_fitted,
    write_fitted,
)
from medinorm.intensity.maps.piecewise import PiecewiseLinearMap
from medinorm.intensity.methods.histogram import fit_histogram, measure_histogram
from medinorm.intensity.methods.nyul import fit_nyul, measure_landmarks

IMAGE = Policy("image")
RNG = np.random.default_rng(0)
SCANS = [RNG.gamma(2.0, 10.0 * k, (2, 9, 8, 7)) for k in range(1, 7)]
EXAMPLES = {
    "linear": LinearMap((1.5, 2.0), (3.0, 1e-3), limits=(0.0, 1.0), background=-1.0),
    "piecewise": PiecewiseLinearMap(((0.0, 1.0), (2.0, 5.0, 9.0)), ((0, 2), (1, 4, 5))),
    "regions": fit_regions(SCANS[0], IMAGE, count=3),
    "clusters": fit_clusters(
        [measure_foreground(scan, IMAGE) for scan in SCANS], 2, IMAGE
    ),
    "nyul": fit_nyul([measure_landmarks(scan, (None, None)) for scan in SCANS]),
    "quantiles": fit_histogram([measure_histogram(s, (None, None)) for s in SCANS]),
}


def test_a_fitted_map_is_a_file(tmp_path):
    policy = Policy("nonzero", background=0.0)
    fitted = FittedMap(
        method="zscore",
        parameters={"policy": vars(policy), "blend": 0.5},
        scans=2,
        fitted_on=hash_scans(["a", "b"]),
        map=fit_instance(SCANS[0], policy),
    )
    write_fitted(fitted, tmp_path / "map.json")
    again = read_fitted(tmp_path / "map.json")
    assert again == fitted
    assert Policy(**again.parameters["policy"]) == policy
    assert again.version


def test_the_hash_is_of_the_set_of_scans():
    assert hash_scans(["a", "b"]) == hash_scans(["b", "a"]) != hash_scans(["a"])
    assert hash_scans(["ab"]) != hash_scans(["a", "b"])
    assert len(hash_scans([])) == 32


@pytest.mark.parametrize("text", ["{}", "[]", "3", "not json", '{"map": 3}'])
def test_another_file_is_refused_without_its_content(tmp_path, text):
    (tmp_path / "map.json").write_text(text)
    with pytest.raises(IntensityError, match=r"^this is no fitted map; fit it again$"):
        read_fitted(tmp_path / "map.json")
