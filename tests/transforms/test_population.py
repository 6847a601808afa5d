"""One map for all scans, and its background."""

import pytest
import torch

from medinorm.errors import IntensityError
from medinorm.intensity import (
    FittedMap,
    LinearMap,
    hash_scans,
)
from medinorm.transforms import (
    PopulationNormalize,
    PopulationNormalized,
)

LINEAR = LinearMap((10.0, 20.0), (2.0, 4.0))


def fitted(intensity_map, **parameters):
    return FittedMap("some", parameters, 3, hash_scans("abc"), intensity_map)


def test_population_follows_no_scan():
    transform = PopulationNormalize(LINEAR)
    result = transform(torch.tensor([[12.0], [28.0]]))
    assert torch.equal(result.as_tensor(), torch.tensor([[1.0], [2.0]]))
    with pytest.raises(IntensityError, match="1 voxels are NaN"):
        transform(torch.tensor([[torch.nan], [28.0]]))


def test_the_background_of_the_map_itself(scan):
    with_background = LinearMap((10.0, 20.0), (2.0, 4.0), background=-1.0)
    result = PopulationNormalize(with_background, foreground="positive")(scan)
    assert (result.as_tensor()[scan.as_tensor() <= 0] == -1).all()


def test_a_map_of_label_foreground_needs_no_label_of_the_scan(scan):
    learned = fitted(LINEAR, foreground="label")
    data = {"image": scan}
    alone = PopulationNormalize(learned)(scan)
    assert torch.equal(PopulationNormalized("image", learned)(data)["image"], alone)
    with_key = PopulationNormalized("image", learned, mask_key="label")
    assert torch.equal(with_key(data)["image"], alone)


def test_a_background_of_the_map_itself_needs_the_label(scan):
    with_background = LinearMap((10.0, 20.0), (2.0, 4.0), background=-1.0)
    learned = fitted(with_background, foreground="label")
    with pytest.raises(ValueError, match="needs a mask_key"):
        PopulationNormalized("image", learned)
    transform = PopulationNormalized("image", learned, mask_key="label")
    inside = scan.as_tensor() > 0
    result = transform({"image": scan, "label": inside})["image"]
    assert (result.as_tensor()[~inside] == -1).all()
