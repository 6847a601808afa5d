"""The standard scale: laws, ties, and agreement with other implementations."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medinorm.errors import IntensityError
from medinorm.intensity.methods.nyul import PERCENTILES, fit_nyul, measure_landmarks


def scan(seed, gain=1.0, offset=0.0):
    rng = np.random.default_rng(seed)
    tissue = rng.choice([30.0, 60, 90], (1, 20, 21, 22), p=[0.2, 0.5, 0.3])
    return gain * (tissue + rng.normal(0, 5 + seed, tissue.shape)) + offset


def standard(*scans, **settings):
    return fit_nyul(
        [measure_landmarks(one, [None] * len(one)) for one in scans], **settings
    )


SCANS = [scan(seed, gain) for seed, gain in enumerate((1, 1000, 0.01))]
STANDARD = standard(*SCANS)


def test_every_scan_gets_the_standard_landmarks():
    for one in SCANS:
        mapped = STANDARD.map_for(one, [None]).apply(one)
        landmarks = measure_landmarks(mapped, [None]).values
        np.testing.assert_allclose(landmarks, STANDARD.values, atol=0.05)


def test_the_outermost_landmarks_lie_at_the_ends_of_the_scale():
    scaled = standard(*SCANS, scale=(-1, 3))
    assert scaled.values[0][0] == pytest.approx(-1)
    assert scaled.values[0][-1] == pytest.approx(3)
    np.testing.assert_allclose(
        np.array(scaled.values) * 25 + 25, STANDARD.values, rtol=1e-12
    )


@given(gain=st.floats(1e-3, 1e4), offset=st.floats(-1e3, 1e3))
def test_scanner_gain_and_offset_vanish(gain, offset):
    changed = gain * SCANS[1] + offset
    np.testing.assert_allclose(
        STANDARD.map_for(changed, [None]).apply(changed),
        STANDARD.map_for(SCANS[1], [None]).apply(SCANS[1]),
        atol=1e-3,
    )


def test_a_monotone_change_of_contrast_vanishes_at_the_landmarks():
    bent = np.sqrt(SCANS[0] - SCANS[0].min())
    there = STANDARD.map_for(SCANS[0], [None]).apply(SCANS[0])
    here = STANDARD.map_for(bent, [None]).apply(bent)
    assert np.abs(there - here).mean() < 1


def test_the_map_is_the_same_outside_of_the_mask_and_can_be_undone():
    mask = np.zeros(SCANS[0].shape[1:], dtype=bool)
    mask[4:16] = True
    map_ = STANDARD.map_for(SCANS[0], [mask])
    undone = map_.inverse().apply(map_.apply(SCANS[0]))
    np.testing.assert_allclose(undone, SCANS[0], atol=1e-3)


def tied(share):
    """A scan with this share of voxels at its median."""
    array = SCANS[0].copy()
    middle = np.median(array)
    shares = (np.argsort(np.argsort(array.ravel())) / array.size).reshape(array.shape)
    array[np.abs(shares - 0.5) <= share / 2] = middle
    return array, middle


def test_tied_landmarks_become_one_at_the_mean_of_their_places():
    array, middle = tied(0.42)
    map_ = STANDARD.map_for(array, [None])
    places = np.array(STANDARD.values[0])
    assert len(map_.inputs[0]) == 7  # those at 30, 40, 50, 60 and 70 % are one
    at = map_.inputs[0].index(pytest.approx(middle))
    assert map_.outputs[0][at] == pytest.approx(places[3:8].mean())
    ordered = np.sort(array.ravel())[np.newaxis]
    mapped = map_.apply(ordered)
    assert (np.diff(mapped) >= 0).all()
    assert np.isfinite(mapped).all()


def test_too_many_ties_are_refused():
    array, _ = tied(0.85)
    with pytest.raises(IntensityError, match="only 3 of 11 landmarks differ"):
        STANDARD.map_for(array, [None])
    with pytest.raises(IntensityError, match="only 1 of 11 landmarks differ"):
        STANDARD.map_for(np.full((1, 9, 9, 9), 3.0), [None])


def test_training_scans_without_a_scale_are_refused():
    mostly_air = np.zeros((1, 10, 10, 10))
    mostly_air[0, :2] = np.arange(200).reshape(2, 10, 10)
    with pytest.raises(IntensityError, match="landmarks coincide in every training"):
        standard(mostly_air, 2 * mostly_air)
    with pytest.raises(IntensityError, match="outermost landmarks"):
        standard(SCANS[0], np.ones((1, 5, 5, 5)))
    with pytest.raises(IntensityError, match="0 scans"):
        fit_nyul([])
    others = measure_landmarks(SCANS[0], [None], (0.0, 50.0, 100.0))
    with pytest.raises(IntensityError, match="2 scans share no landmarks"):
        fit_nyul([others, measure_landmarks(SCANS[0], [None])])


def test_one_scan_with_ties_does_not_spoil_the_standard():
    array, _ = tied(0.42)
    assert np.diff(standard(array, *SCANS).values).min() > 0


def test_channels_are_by_themselves():
    both = np.concatenate([SCANS[0], 1000 * SCANS[0]])
    landmarks = measure_landmarks(both, [None, None])
    map_ = fit_nyul([landmarks]).map_for(both, [None, None])
    mapped = map_.apply(both)
    np.testing.assert_allclose(mapped[0], mapped[1], atol=1e-3)


def test_agrees_with_intensity_normalization():
    peer = pytest.importorskip("intensity_normalization.normalizers.population.nyul")
    adapters = pytest.importorskip("intensity_normalization.adapters.images")
    # It takes voxels above 0 as foreground where no mask is given.
    images = [adapters.NumpyImageAdapter(one[0]) for one in SCANS]
    masks = [adapters.NumpyImageAdapter(np.ones_like(one[0])) for one in SCANS]
    theirs = peer.NyulNormalizer(output_min_value=0, output_max_value=100)
    theirs.fit_population(images, masks)
    as_float32 = [one.astype(np.float32) for one in SCANS]  # what it makes of them
    ours = standard(*as_float32)
    np.testing.assert_allclose(ours.values[0], theirs.standard_scale, atol=1e-4)
    for image, mask, one in zip(images, masks, as_float32, strict=True):
        mapped = ours.map_for(one, [None]).apply(one)[0]
        np.testing.assert_allclose(
            mapped, theirs.transform(image, mask).get_data(), rtol=1e-4, atol=1e-3
        )


def test_agrees_with_torchio(tmp_path):
    tio = pytest.importorskip("torchio", reason="not installed")
    paths = []
    for number, one in enumerate(SCANS):
        paths.append(tmp_path / f"{number}.nii.gz")
        tensor = torch.from_numpy(one.astype(np.float32))
        tio.ScalarImage(tensor=tensor).save(paths[-1])
    landmarks = tio.HistogramStandardization.train(paths, progress=False)
    # It learns quartiles too, and leaves them out of the map.
    with_quartiles = tuple(sorted({*PERCENTILES, 25.0, 75.0}))
    one = SCANS[1].astype(np.float32)
    scans = [
        measure_landmarks(one.astype(np.float32), [None], with_quartiles)
        for one in SCANS
    ]
    np.testing.assert_allclose(fit_nyul(scans).values[0], landmarks, rtol=1e-4)
    image = tio.ScalarImage(tensor=torch.from_numpy(one))
    transform = tio.HistogramStandardization({"image": landmarks})
    theirs = transform(tio.Subject(image=image))["image"].data.numpy()
    ours = standard(*(one.astype(np.float32) for one in SCANS))
    mapped = ours.map_for(one, [None]).apply(one)
    np.testing.assert_allclose(mapped, theirs, rtol=1e-3, atol=5e-3)


def test_torchio_jumps_where_landmarks_are_tied_and_ours_does_not():
    """Its line between tied landmarks is flat at the lower place, then jumps."""
    peer = pytest.importorskip(
        "torchio.transforms.preprocessing.intensity.histogram_standardization"
    )
    array, middle = tied(0.42)
    near = np.array([[[[middle - 1e-3, middle, middle + 1e-3]]]])
    places = np.interp(
        sorted({*PERCENTILES, 25.0, 75.0}), PERCENTILES, STANDARD.values[0]
    )
    tensor = torch.from_numpy(np.concatenate([array.ravel(), near.ravel()]))
    theirs = peer._normalize(tensor.reshape(1, -1, 1, 1), places, mask=None).ravel()[
        -3:
    ]
    ours = STANDARD.map_for(array, [None]).apply(near).ravel()
    assert np.ptp(theirs.numpy()) > 10
    assert np.ptp(ours) < 0.1


def test_real_scans_of_one_structure_get_one_scale(real_data):
    paths = sorted((real_data / "hippocampus").rglob("*.nii*"))
    images = [path for path in paths if "label" not in str(path).lower()][::40]
    if not images:
        pytest.skip("no hippocampus scans in the real data")
    arrays = [np.asarray(nib.load(path).dataobj)[np.newaxis] for path in images]
    scans = [measure_landmarks(array, [None]) for array in arrays]
    learned = fit_nyul(scans)
    before = [array.mean(dtype=float) for array in arrays]
    after = [
        learned.map_for(array, [None]).apply(array).mean(dtype=float)
        for array in arrays
    ]
    assert np.std(after) / np.mean(after) < 0.1 * np.std(before) / np.mean(before)


def test_the_standard_applies_to_any_scan():
    one = SCANS[1].astype(np.float32)
    mask = one[0] > np.median(one)
    expected = STANDARD.map_for(one, [mask]).apply(one)
    np.testing.assert_array_equal(STANDARD.apply(one, [mask]), expected)
    tensor = STANDARD.apply(torch.from_numpy(one), [torch.from_numpy(mask)])
    np.testing.assert_array_equal(tensor.numpy(), expected)
    filled = replace(STANDARD, background=-5).apply(one, [mask])
    assert (filled[0][~mask] == -5).all()
    np.testing.assert_array_equal(filled[0][mask], expected[0][mask])
    with pytest.raises(IntensityError, match="depends on the scan"):
        STANDARD.inverse()


def test_scans_with_other_channels_are_refused():
    two = np.concatenate([scan(0), scan(1)])
    with pytest.raises(IntensityError, match="has 2 channels, the map 1"):
        STANDARD.map_for(two, [None, None])
    with pytest.raises(IntensityError, match="1 or 2 channels"):
        standard(scan(0), two)
