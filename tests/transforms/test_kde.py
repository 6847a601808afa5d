"""The peak of one tissue goes to 1."""

import pytest

from medinorm.intensity.methods.kde import fit_kde
from medinorm.transforms import KdeNormalize, KdeNormalized
from tests.transforms.cases import make_scan


@pytest.mark.parametrize("peak", ["darkest", "largest", "brightest"])
def test_the_map_is_that_of_the_method(peak):
    scan = make_scan()
    fitted = fit_kde(scan, list(scan > 0), peak)
    result = KdeNormalize(peak, foreground="positive")(scan)
    assert (result.numpy() == fitted.apply(scan)).all()


def test_an_unknown_peak_is_refused():
    with pytest.raises(ValueError, match="peak 'high' is unknown; known: darkest"):
        KdeNormalized("image", "high")
