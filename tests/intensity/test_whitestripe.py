"""White matter becomes mean 0 and standard deviation 1."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.errors import IntensityError
from medinorm.intensity.whitestripe import fit_whitestripe

RNG = np.random.default_rng(0)
LEVELS = RNG.choice([30.0, 60, 90], (1, 30, 31, 32), p=[0.2, 0.45, 0.35])
SCAN = LEVELS + RNG.normal(0, 5, LEVELS.shape)
WHITE = LEVELS == 90


def test_white_matter_is_centred_and_the_stripe_has_unit_spread():
    map_ = fit_whitestripe(SCAN, [None])
    mapped = map_.apply(SCAN)
    assert abs(np.median(mapped[WHITE])) * map_.scale[0] < 1.5
    share = np.mean(np.abs(mapped) < np.sqrt(3))  # nearly uniform: +- sqrt(3) std
    assert share == pytest.approx(0.1, abs=0.01)


@given(gain=st.floats(1e-3, 1e4), offset=st.floats(-1e3, 1e3))
def test_scanner_gain_and_offset_vanish(gain, offset):
    changed = gain * SCAN + offset
    np.testing.assert_allclose(
        fit_whitestripe(changed, [None]).apply(changed),
        fit_whitestripe(SCAN, [None]).apply(SCAN),
        atol=0.3,
    )


def test_a_wider_stripe_holds_more():
    narrow, wide = (
        fit_whitestripe(SCAN, [None], width=width).scale[0] for width in (0.02, 0.1)
    )
    assert wide > 2 * narrow


def test_the_peak_can_be_chosen():
    assert fit_whitestripe(SCAN, [None], "largest").offset[0] == pytest.approx(
        60, abs=2
    )


def test_a_stripe_without_spread_is_refused():
    array = np.where(WHITE, 90, np.minimum(SCAN, 85))
    with pytest.raises(IntensityError, match="white stripe do not differ"):
        fit_whitestripe(array, [None])


def test_agrees_with_intensity_normalization():
    """Where the peak is found on the same place: it evaluates 80 points, ours 1024."""
    peer = pytest.importorskip(
        "intensity_normalization.normalizers.individual.whitestripe"
    )
    adapters = pytest.importorskip("intensity_normalization.adapters.images")
    array = SCAN.astype(np.float32)[:, :12]
    theirs = peer.WhiteStripeNormalizer()
    theirs.fit(adapters.NumpyImageAdapter(array[0]))
    ours = fit_whitestripe(array, [array[0] > 0])
    assert ours.offset[0] == pytest.approx(theirs.mean, rel=0.02)
    assert ours.scale[0] == pytest.approx(theirs.std, rel=0.15)
