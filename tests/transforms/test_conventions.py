"""MONAI's conventions, for every transform."""

import copy
import inspect
import pickle

import numpy as np
import pytest
import torch
from monai.data import MetaTensor, set_track_meta
from monai.transforms import Compose, Flipd, Spacingd, Transform
from monai.transforms.traits import InvertibleTrait, LazyTrait, RandomizableTrait

from medinorm import transforms
from medinorm.errors import IntensityError
from tests.transforms.cases import (
    AFFINE,
    CASES,
    every_inverse,
    every_measure,
    every_random,
    every_transform,
    make,
    make_d,
    make_scan,
    seeded,
)


def test_every_transform_is_tested_in_both_forms():
    assert set(transforms.__all__) == {
        f"{name}{d}" for name in CASES for d in ("", "d")
    }


@every_transform
def test_gives_float32_with_metadata_and_leaves_the_input(name, scan):
    before = scan.clone()
    result = make(name)(scan)
    assert isinstance(result, MetaTensor)
    assert result.dtype == torch.float32
    assert result.shape == scan.shape
    assert result.is_contiguous()
    torch.testing.assert_close(result.affine, AFFINE)
    assert torch.equal(scan, before)
    assert scan.applied_operations == []
    assert not torch.equal(result, scan)


@every_transform
@pytest.mark.parametrize("kind", ["numpy", "tensor", "fortran"])
def test_numpy_and_tensors_agree(name, scan, kind):
    array = make_scan()
    image = {
        "numpy": array,
        "tensor": torch.from_numpy(array),
        "fortran": np.asfortranarray(array),
    }[kind]
    result = make(name)(image)
    assert isinstance(result, MetaTensor)
    assert result.is_contiguous()
    torch.testing.assert_close(result.as_tensor(), make(name)(scan).as_tensor())


@every_transform
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float64])
def test_takes_stored_types(name, dtype):
    stored = make_scan().round().clip(0, 255).astype(dtype)
    result = make(name)(stored)
    assert result.dtype == torch.float32
    expected = make(name)(stored.astype(np.float32))
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-4)


@every_transform
def test_tensors_without_metadata_where_they_are_not_tracked(name, scan):
    set_track_meta(False)
    try:
        result = make(name)(scan)
    finally:
        set_track_meta(True)
    assert type(result) is torch.Tensor


@every_transform
def test_takes_two_spatial_axes(name):
    array = make_scan()[:, :, :, 8]
    # Twice: white stripe wants many voxels.
    image = np.concatenate([array, array], axis=1)
    if name == "WhiteStripeNormalize":
        image = np.tile(image, (1, 4, 4))
    assert make(name)(image).shape == image.shape


@every_transform
def test_dictionary_and_array_agree(name, scan):
    data = {"image": scan, "other": scan, "name": "a"}
    result = make_d(name)(data)
    assert torch.equal(result["image"], make(name)(scan))
    assert result["other"] is scan
    assert data["image"] is scan
    assert result.keys() == data.keys()


@every_transform
def test_several_keys_and_missing_ones(name, scan):
    with pytest.raises(KeyError, match="label"):
        make_d(name, ("image", "label"))({"image": scan})
    result = make_d(name, ("image", "label"), allow_missing_keys=True)({"image": scan})
    assert result.keys() == {"image"}
    both = make_d(name, ("image", "label"))({"image": scan, "label": scan})
    assert torch.equal(both["image"], both["label"])


@every_transform
@pytest.mark.parametrize("form", [make, make_d], ids=["array", "dictionary"])
def test_travels_to_workers(name, form, scan):
    transform = form(name)
    data = {"image": scan} if form is make_d else scan
    transform(data)  # used before it travels
    travelled = pickle.loads(pickle.dumps(transform))
    results = [
        seeded(t)(data) for t in (transform, travelled, copy.deepcopy(transform))
    ]
    images = [r["image"] if form is make_d else r for r in results]
    assert torch.equal(images[0], images[1])
    assert torch.equal(images[0], images[2])


@every_transform
def test_names_its_arguments_and_says_what_it_is(name):
    array, dictionary = getattr(transforms, name), getattr(transforms, f"{name}d")
    assert issubclass(array, Transform)
    assert issubclass(dictionary, Transform)
    assert array.backend == dictionary.backend
    shown = inspect.signature(dictionary).parameters
    assert next(iter(shown)) == "keys"
    assert set(inspect.signature(array).parameters) <= set(shown)
    assert "allow_missing_keys" in shown
    assert ("mask_key" in shown) == issubclass(dictionary, InvertibleTrait)
    assert array.__doc__
    assert dictionary.__doc__


@every_transform
def test_waits_for_what_is_pending_in_lazy_pipelines(name, scan):
    steps = [Flipd("image", 0), make_d(name), Spacingd("image", (2.0, 2.0, 2.0))]
    assert not isinstance(steps[1], LazyTrait)
    results = []
    for lazy in (False, True):
        pipeline = Compose(steps, lazy=lazy)
        seeded(pipeline)
        results.append(pipeline({"image": scan})["image"])
    assert results[0].shape == results[1].shape
    torch.testing.assert_close(results[0].affine, results[1].affine)
    torch.testing.assert_close(*(r.as_tensor() for r in results), rtol=1e-3, atol=1e-2)


@every_random
def test_draws_by_its_seed_only(name, scan):
    assert issubclass(getattr(transforms, name), RandomizableTrait)
    transform = make_d(name)
    np.random.seed(1)
    first = [seeded(transform, 5)({"image": scan})["image"], transform({"image": scan})]
    np.random.seed(2)
    again = seeded(transform, 5)({"image": scan})["image"]
    assert torch.equal(first[0], again)
    assert not torch.equal(first[0], first[1]["image"])
    assert not torch.equal(first[0], seeded(transform, 6)({"image": scan})["image"])


@every_random
def test_a_chance_of_zero_changes_nothing(name, scan):
    transform = make(name, prob=0.0)
    result = transform(scan)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result.as_tensor(), scan.as_tensor())
    assert result is not scan


@every_random
def test_pipelines_seed_it(name, scan):
    pipeline = Compose([make_d(name)])
    results = [
        pipeline.set_random_state(seed=seed)({"image": scan})["image"]
        for seed in (0, 0, 1)
    ]
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


@every_measure
def test_refuses_nan_by_name_and_ours_is_the_cause(name, scan):
    scan[0, 12, 10, 8] = torch.nan
    pipeline = Compose([make_d(name)])
    with pytest.raises(RuntimeError) as caught:
        pipeline({"image": scan})
    assert isinstance(caught.value.__cause__, IntensityError)
    assert "1 voxels are NaN and 0 infinite" in str(caught.value.__cause__)


@every_measure
def test_an_unknown_choice_lists_the_known_ones(name):
    with pytest.raises(ValueError, match="'tissue' is unknown; known: image, nonzero"):
        make(name, foreground="tissue")
    with pytest.raises(TypeError, match="foregruond"):
        make(name, foregruond="image")


@every_measure
def test_takes_a_mask(name, scan):
    tissue = scan.as_tensor() > 0
    own = make(name)(scan)
    options = {"foreground": "file", **CASES[name].masked}
    for mask in (
        tissue,
        tissue.numpy(),
        MetaTensor(tissue.float()),
        tissue[:1],
        tissue[0],
    ):
        torch.testing.assert_close(make(name, **options)(scan, mask), own)
    by_key = make_d(name, mask_key="brain", **options)
    torch.testing.assert_close(by_key({"image": scan, "brain": tissue})["image"], own)
    if make(name).measures:
        with pytest.raises(KeyError, match="brain"):
            by_key({"image": scan})
    else:
        torch.testing.assert_close(by_key({"image": scan})["image"], own)


@every_measure
def test_takes_masks_in_any_order_in_memory(name, scan):
    options = {"foreground": "file", **CASES[name].masked}
    tissue = (scan.as_tensor() > 0).numpy()
    expected = make(name, **options)(scan, tissue)
    for mask in (tissue[:, ::-1].copy()[:, ::-1], tissue.astype(">f4")):
        assert torch.equal(make(name, **options)(scan, mask), expected)


@every_measure
def test_refuses_a_mask_on_another_grid(name, scan):
    if not make(name).measures:
        pytest.skip("its map does not depend on the scan, and reads no mask")
    transform = make(name, foreground="file", **CASES[name].masked)
    for mask in (torch.ones(1, 1, 1, 16), torch.ones(7, 6, 5), torch.ones(2, 24, 20)):
        with pytest.raises(IntensityError, match=r"the mask has .* voxels, the image"):
            transform(scan, mask)


@every_measure
def test_mask_and_foreground_belong_together(name):
    with pytest.raises(ValueError, match="takes no mask_key"):
        make_d(name, mask_key="brain")
    needs = {"foreground": "label", **CASES[name].masked}
    if not make(name).measures:
        make_d(name, **needs)
        needs["background"] = 0.0
    with pytest.raises(ValueError, match="needs a mask_key"):
        make_d(name, **needs)


@every_inverse
def test_the_inverse_brings_intensities_back(name, scan):
    for transform, data in ((make(name), scan), (make_d(name), {"image": scan})):
        there = transform(data)
        back = transform.inverse(there)
        image = back["image"] if isinstance(back, dict) else back
        assert isinstance(image, MetaTensor)
        assert image.applied_operations == []
        torch.testing.assert_close(image.affine, AFFINE)
        torch.testing.assert_close(
            image.as_tensor(), scan.as_tensor(), rtol=1e-4, atol=1e-2
        )


@pytest.mark.parametrize(
    "name",
    [
        "AdaptiveInstanceNormalize",
        "HistogramMatch",
        "InstanceNormalize",
        "NyulNormalize",
        "PercentileScale",
        "WhiteStripeNormalize",
    ],
)
def test_gain_and_offset_vanish(name, scan):
    options = {"foreground": "file", **CASES[name].masked}
    one, other = (
        make(name, **options)(image, scan.as_tensor() > 0)
        for image in (scan, 3.5 * scan + 11)
    )
    scale = one.std()
    torch.testing.assert_close(one / scale, other / scale, rtol=0, atol=2e-3)
