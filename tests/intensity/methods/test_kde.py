"""The peak of one tissue becomes 1."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.errors import IntensityError
from medinorm.intensity.methods.kde import fit_kde

RNG = np.random.default_rng(0)
LEVELS = RNG.choice([30.0, 60, 90], (1, 30, 31, 32), p=[0.2, 0.5, 0.3])
SCAN = LEVELS + RNG.normal(0, 5, LEVELS.shape)


@pytest.mark.parametrize(
    ("peak", "level"), [("darkest", 30), ("largest", 60), ("brightest", 90)]
)
def test_the_peak_becomes_1(peak, level):
    mapped = fit_kde(SCAN, [None], peak).apply(SCAN)
    assert np.median(mapped[level == LEVELS]) == pytest.approx(1, abs=0.03)


@given(gain=st.floats(1e-3, 1e4))
def test_the_gain_of_a_scanner_vanishes(gain):
    changed = gain * SCAN
    np.testing.assert_allclose(
        fit_kde(changed, [None]).apply(changed),
        fit_kde(SCAN, [None]).apply(SCAN),
        rtol=1e-2,
    )


def test_the_mask_restricts_the_fit_and_channels_are_by_themselves():
    array = np.concatenate([SCAN, 1000 * SCAN])
    mask = LEVELS[0] == 30
    map_ = fit_kde(array, [mask, None])
    assert map_.scale[0] == pytest.approx(30, abs=1)
    assert map_.scale[1] == pytest.approx(90_000, rel=0.03)


def test_a_peak_at_or_below_0_is_refused():
    with pytest.raises(IntensityError, match="use raw intensities"):
        fit_kde(SCAN - 90, [None], "darkest")


def test_agrees_with_intensity_normalization():
    """On scans of standard deviation 1: its bandwidth is the maximum / 80 of them.

    `scipy.stats.gaussian_kde` takes a factor on the standard deviation, and gets a
    width in intensities: on a scan from 0 to 4000 the estimate has one peak, at its
    mean. So both agree only where the standard deviation is near 1.
    """
    peer = pytest.importorskip("intensity_normalization.normalizers.individual.kde")
    adapters = pytest.importorskip("intensity_normalization.adapters.images")
    array = (SCAN / SCAN.std()).astype(np.float32)[:, :12]
    theirs = peer.KDENormalizer()
    theirs.fit(adapters.NumpyImageAdapter(array[0]))
    ours = fit_kde(array, [array[0] > 0])
    assert ours.scale[0] == pytest.approx(theirs.tissue_mode, rel=0.03)
