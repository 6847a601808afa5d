"""N4 takes away a shading that is known."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from medinorm.errors import IntensityError
from medinorm.intensity.bias_field import BiasField, BiasSettings, fit_bias_field
from medinorm.intensity.foreground import find_foreground

RNG = np.random.default_rng(0)
INDEX = np.indices((40, 36, 32)) / 40
TISSUE = np.where(np.sin(9 * INDEX).sum(axis=0) > 0.3, 100.0, 60.0)
HEAD = np.square(INDEX - 0.45).sum(axis=0) < 0.15
SHADING = np.exp(0.9 * INDEX[0] + 0.5 * INDEX[1] ** 2)
SCAN = np.where(HEAD, TISSUE * SHADING, 0) + np.abs(RNG.normal(0, 2, HEAD.shape))
QUICK = BiasSettings(shrink=2, iterations=(30, 30))


def variation(image):
    """Coefficient of variation inside the brighter tissue."""
    values = image[HEAD & (TISSUE == 100)]
    return values.std() / values.mean()


@pytest.fixture(scope="module")
def field():
    return fit_bias_field(SCAN[None], [HEAD], QUICK)


def test_a_known_shading_is_taken_away(field):
    mapped = field.apply(SCAN[None])
    assert mapped.dtype == np.float32
    assert variation(mapped[0]) < 0.5 * variation(SCAN)


def test_the_field_has_mean_1_in_the_foreground(field):
    assert field.fields[0][HEAD].mean() == pytest.approx(1, abs=1e-3)
    assert (field.fields[0] > 0).all()


def test_the_shading_can_be_put_back(field):
    back = field.inverse().apply(field.apply(SCAN[None]))
    np.testing.assert_allclose(back[0], SCAN, rtol=1e-5)


def test_the_gain_of_the_scan_is_kept_and_does_not_matter():
    other = fit_bias_field(1000 * SCAN[None], [HEAD], QUICK)
    one = fit_bias_field(SCAN[None], [HEAD], QUICK)
    np.testing.assert_allclose(other.fields[0][HEAD], one.fields[0][HEAD], rtol=0.02)


def test_a_short_axis_is_not_shrunk_away():
    field = fit_bias_field(SCAN[None, :, :, :9], [HEAD[:, :, :9]], QUICK)
    mapped = field.apply(SCAN[None, :, :, :9])[0]
    inside = (HEAD & (TISSUE == 100))[:, :, :9]
    spread = [
        np.std(part[inside]) / np.mean(part[inside])
        for part in (mapped, SCAN[:, :, :9])
    ]
    assert spread[0] < 0.5 * spread[1]


def test_one_slice_is_corrected_as_two_that_are_the_same():
    one = SCAN[np.newaxis, :, :, 12:13]
    fields = [
        fit_bias_field(scan, [None]).fields[0] for scan in (one, one.repeat(2, axis=3))
    ]
    assert fields[0].shape == one.shape[1:]
    np.testing.assert_allclose(fields[0], fields[1][..., :1], rtol=1e-5)


def test_tensors_and_integers(field):
    tensor = torch.from_numpy(SCAN[None].astype(np.int16))
    mapped = field.apply(tensor)
    assert isinstance(mapped, torch.Tensor)
    np.testing.assert_allclose(
        mapped[0], SCAN.astype(np.int16) / field.fields[0], rtol=1e-6
    )


def test_unusable_scans_are_refused(field):
    with pytest.raises(IntensityError, match="only 0 foreground voxels are above 0"):
        fit_bias_field(-SCAN[None], [HEAD])
    with pytest.raises(IntensityError, match="resample the mask"):
        fit_bias_field(SCAN[None], [HEAD[:5]])
    with pytest.raises(IntensityError, match="resample the mask"):
        field.apply(SCAN[None, :5])
    with pytest.raises(IntensityError, match="has 2 channels, the map 1"):
        field.apply(np.stack([SCAN, SCAN]))
    broken = SCAN.copy()
    broken[0, 0, 0] = np.nan
    with pytest.raises(IntensityError, match="1 voxels are NaN"):
        fit_bias_field(broken[None], [HEAD])


def test_fields_of_several_channels(field):
    both = BiasField(field.fields * 2)
    mapped = both.apply(np.stack([SCAN, 2 * SCAN]))
    np.testing.assert_allclose(2 * mapped[0], mapped[1], rtol=1e-6)


def test_a_real_scan_of_one_tissue_gets_more_even(real_data):
    """The GE series shows a fruit: one tissue, shaded by the coil."""
    files = sorted((real_data / "dicom" / "ge_t1" / "In").glob("*.dcm"))[::2]
    planes = [sitk.GetArrayFromImage(sitk.ReadImage(str(path))) for path in files]
    image = np.concatenate(planes)[None, :, ::2, ::2]
    mask = find_foreground(image[0], "otsu")
    even = fit_bias_field(image, [mask]).apply(image)
    spreads = []
    for array in (image, even):
        low, middle, high = np.quantile(array[0][mask], (0.25, 0.5, 0.75))
        spreads.append((high - low) / middle)
    assert spreads[1] < 0.85 * spreads[0]
