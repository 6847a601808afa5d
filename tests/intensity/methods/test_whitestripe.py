"""White matter becomes mean 0 and standard deviation 1."""

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.config import DemoConfig
from medinorm.demo.study import read_atlas, simulate_scan
from medinorm.errors import IntensityError
from medinorm.intensity.bias_field import BiasSettings, fit_bias_field
from medinorm.intensity.methods.fcm import fit_fcm
from medinorm.intensity.methods.kde import fit_kde
from medinorm.intensity.methods.whitestripe import fit_whitestripe

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


@pytest.fixture(scope="module")
def brains():
    """Simulated scans: image, brain, white matter."""
    atlas, settings = read_atlas(), DemoConfig(spacing=4.0)
    scanners = ("siemens_3t", "ge_15t", "philips_3t", "lowfield_64mt")
    scans = [simulate_scan(atlas, one, 0, settings=settings) for one in scanners]
    return [(scan.values[None], scan.label > 0, scan.label == 1) for scan in scans]


@pytest.mark.parametrize(
    ("level", "tolerance"),
    [
        (lambda array, masks: fit_whitestripe(array, masks).offset[0], 0.2),
        (lambda array, masks: fit_kde(array, masks).scale[0], 0.2),
        (lambda array, masks: fit_fcm(array, masks).scale[0], 0.1),
    ],
)
def test_white_matter_is_found_on_every_simulated_scanner(brains, level, tolerance):
    """Although their coils shade it by 7 to 18 % (one standard deviation)."""
    for image, brain, white in brains:
        found = level(image, [brain]) / np.median(image[0][white])
        assert found == pytest.approx(1, abs=tolerance)


def test_white_matter_is_found_better_without_the_bias_field(brains):
    for image, brain, white in brains:
        field = fit_bias_field(image, [brain], BiasSettings(shrink=2))
        even = field.apply(image)
        found = fit_whitestripe(even, [brain]).offset[0]
        assert found == pytest.approx(np.median(even[0][white]), rel=0.08)


@pytest.mark.parametrize(
    ("fit", "spread"), [(fit_whitestripe, 0.2), (fit_kde, 0.1), (fit_fcm, 0.1)]
)
def test_real_scans_of_two_exports_agree(real_data, fit, spread):
    """Mean intensities of the hippocampus: raw ones vary by 300 %."""
    folder = real_data / "hippocampus"
    before, after = [], []
    for path in sorted((folder / "images").glob("*.nii.gz"))[::12]:
        image = np.asarray(nib.load(path).dataobj)[None]
        inside = np.asarray(nib.load(folder / "labels" / path.name).dataobj) > 0
        mapped = fit(image, [image[0] > 0]).apply(image)
        before.append(image[0][inside].mean(dtype=float))
        after.append(mapped[0][inside].mean(dtype=float))
    assert np.std(before) > 1.5 * np.mean(before)
    assert np.std(after) < spread * np.abs(np.mean(after))


@pytest.mark.parametrize("width", [0, -1, 0.5, np.nan])
def test_half_the_width_is_a_share(width):
    with pytest.raises(IntensityError, match=r"a share between 0 and 0\.5"):
        fit_whitestripe(SCAN, [None], width=width)
