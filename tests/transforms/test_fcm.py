"""The mean of one tissue goes to 1."""

import pytest

from medinorm.errors import IntensityError
from medinorm.intensity.methods.fcm import fit_fcm
from medinorm.transforms import FcmNormalize, FcmNormalized
from tests.transforms.cases import make_scan


@pytest.mark.parametrize("tissue", ["darkest", "middle", "brightest"])
def test_the_map_is_that_of_the_method(tissue):
    scan = make_scan()
    fitted = fit_fcm(scan, list(scan > 0), tissue)
    result = FcmNormalize(tissue, foreground="positive")(scan)
    assert (result.numpy() == fitted.apply(scan)).all()


def test_an_unknown_tissue_is_refused():
    with pytest.raises(ValueError, match="tissue 'bone' is unknown; known: darkest"):
        FcmNormalized("image", "bone")


def test_levels_that_cannot_go_to_one_are_refused():
    with pytest.raises(IntensityError, match="which cannot be brought to 1"):
        FcmNormalize("darkest", foreground="image")(make_scan() - 500)
