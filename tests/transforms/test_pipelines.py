"""The transforms in MONAI's pipelines, caches, loaders, inversion and bundles."""

import json

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.data import (
    CacheDataset,
    DataLoader,
    Dataset,
    MetaTensor,
    PersistentDataset,
    ThreadDataLoader,
    decollate_batch,
    list_data_collate,
)
from monai.transforms import (
    Compose,
    CropForegroundd,
    Invertd,
    RandSpatialCropd,
)

from medinorm import transforms
from medinorm.intensity import FittedMap, fit_population, hash_scans, write_fitted
from tests.transforms.cases import (
    AFFINE,
    CASES,
    MOMENTS,
    POLICY,
    every_inverse,
    every_transform,
    make,
    make_d,
    make_scan,
    read,
    spatial,
)

# One of MONAI's readers for DICOM misses a decoder that nothing here needs.
pytestmark = pytest.mark.filterwarnings("ignore:NvImgCodecPydicomReader")


@every_transform
def test_reads_a_file_and_normalizes(name, file):
    pipeline = Compose([*read(), make_d(name), *spatial()])
    done = pipeline({"image": file})["image"]
    assert isinstance(done, MetaTensor)
    assert done.shape == (2, 32, 32, 32)
    names = [step["class"] for step in done.applied_operations]
    assert (name in names) == (name != "RandScannerContrast")


@every_inverse
def test_inverting_a_pipeline_restores_the_scan(name, file):
    pipeline = Compose([*read(), make_d(name), *spatial()])
    done = pipeline({"image": file})
    inverted = pipeline.inverse(done)["image"]
    np.testing.assert_allclose(inverted, make_scan(), rtol=1e-4, atol=1e-2)
    torch.testing.assert_close(inverted.affine, AFFINE)


@every_transform
@pytest.mark.parametrize(
    "prediction", ["labels", "ignore", "bool", "logits", "same_channels", "sigmoid"]
)
def test_inverting_a_prediction_moves_its_voxels_only(name, scan, prediction):
    pipeline = Compose([make_d(name), *spatial()])
    done = pipeline({"image": scan})
    moved_only = Compose(spatial())
    predicted = {
        "labels": (done["image"] > 0).float() * 3,
        "ignore": (done["image"] > 0).float() * 3 - 1,
        "bool": done["image"] > 0,
        "logits": MetaTensor(torch.randn(3, 32, 32, 32)),
        "same_channels": MetaTensor(torch.randn(2, 32, 32, 32)),
        "sigmoid": MetaTensor(torch.rand(2, 32, 32, 32)),
    }[prediction]
    moved = moved_only({"image": scan})["image"]
    expected = Invertd("pred", moved_only, "image")({"image": moved, "pred": predicted})
    inverted = Invertd("pred", pipeline, "image")({**done, "pred": predicted})
    assert torch.equal(inverted["pred"], expected["pred"])


def test_two_steps_are_undone_in_turn(scan):
    first, second = make("InstanceNormalize"), make("AdaptiveInstanceNormalize")
    both = second(first(scan + 1))
    with pytest.raises(RuntimeError, match="Error"):
        make("LayerNormalize").inverse(both)
    back = first.inverse(second.inverse(both)).as_tensor()
    torch.testing.assert_close(back, scan.as_tensor() + 1, rtol=0, atol=1e-2)


@every_transform
@pytest.mark.parametrize("loader", [ThreadDataLoader, DataLoader])
def test_loads_batches_and_inverts_each(name, loader, file):
    pipeline = Compose([*read(), make_d(name)]).set_random_state(seed=0)
    data = CacheDataset([{"image": file}] * 3, pipeline, progress=False)
    loaded = list(loader(data, batch_size=3, num_workers=0))
    assert loaded[0]["image"].shape == (3, 2, 24, 20, 16)
    if CASES[name].inverts:
        for item in decollate_batch(loaded[0]):
            back = pipeline.inverse(item)["image"]
            np.testing.assert_allclose(back, make_scan(), rtol=1e-4, atol=1e-2)


def test_loads_in_other_processes(file):
    pipeline = Compose([*read(), make_d("InstanceNormalize")])
    augmented = Compose([pipeline, make_d("RandScannerContrast")])
    batches = []
    for steps in (pipeline, augmented):
        data = Dataset([{"image": file}] * 2, steps)
        batches += DataLoader(data, num_workers=1, batch_size=2)
    back = pipeline.inverse(decollate_batch(batches[0])[0])["image"]
    np.testing.assert_allclose(back, make_scan(), rtol=1e-4, atol=1e-2)
    assert not torch.equal(*batches[1]["image"].as_tensor())


def test_a_cache_keeps_what_is_before_the_first_random_step(file):
    steps = [*read(), make_d("InstanceNormalize"), make_d("RandScannerContrast")]
    data = CacheDataset([{"image": file}], Compose(steps), progress=False)
    expected = Compose(steps[:3])({"image": file})["image"]
    cached = data._cache[0]["image"]
    torch.testing.assert_close(cached.as_tensor(), expected.as_tensor())
    drawn = [data[0]["image"] for _ in range(2)]
    assert not torch.equal(*drawn)
    torch.testing.assert_close(cached.as_tensor(), expected.as_tensor())


@pytest.mark.parametrize("name", ["InstanceNormalize", "RegionNormalize"])
def test_a_cache_on_disk_keeps_the_record(name, file, tmp_path):
    pipeline = Compose([*read(), make_d(name)])
    options = {"track_meta": True, "weights_only": False}  # MONAI wants both or none
    for _ in range(2):  # written, then read
        data = PersistentDataset([{"image": file}], pipeline, tmp_path, **options)
        back = pipeline.inverse(data[0])["image"]
        np.testing.assert_allclose(back, make_scan(), rtol=1e-4, atol=1e-2)


def test_crops_of_one_scan_collate(scan):
    steps = [make_d("RegionNormalize"), RandSpatialCropd("image", (8, 8, 8))]
    crops = [Compose(steps)({"image": scan}) for _ in range(2)]
    assert list_data_collate(crops)["image"].shape == (2, 2, 8, 8, 8)


def test_a_bundle_names_the_transforms(file, tmp_path):
    fitted = tmp_path / "population.json"
    learned = FittedMap(
        method="population",
        parameters={"policy": vars(POLICY)},
        scans=3,
        fitted_on=hash_scans("abc"),
        map=fit_population(MOMENTS, POLICY),
    )
    write_fitted(learned, fitted)
    bundle = tmp_path / "train.json"
    target = "medinorm.transforms"
    steps = [
        {"_target_": "LoadImaged", "keys": "image"},
        {"_target_": "EnsureChannelFirstd", "keys": "image"},
        {
            "_target_": f"{target}.RandScannerContrastd",
            "keys": "image",
            "prob": 1.0,
            "gain": [0.9, 1.1],
        },
        {
            "_target_": f"{target}.PopulationNormalized",
            "keys": "image",
            "fitted": "@map",
        },
        {
            "_target_": f"{target}.AdaptiveInstanceNormalized",
            "keys": "@keys",
            "reference": [{"mean": [1, 2], "std": [3, 4]}],
            "foreground": "image",
        },
        {
            "_target_": f"{target}.InstanceNormalized",
            "keys": ["image"],
            "foreground": "image",
        },
    ]
    content = {
        "keys": ["image"],
        "map": str(fitted),
        "preprocessing": {"_target_": "Compose", "transforms": steps},
    }
    bundle.write_text(json.dumps(content))
    parser = ConfigParser()
    parser.read_config(bundle)
    pipeline = parser.get_parsed_content("preprocessing")
    image = pipeline({"image": file})["image"]
    for channel in image.as_tensor():
        assert abs(channel.mean()) < 1e-4
        assert abs(channel.std() - 1) < 1e-3


def test_a_bundle_names_every_transform():
    for name in transforms.__all__:
        config = {"_target_": f"medinorm.transforms.{name}", "_mode_": "callable"}
        parsed = ConfigParser({"step": config}).get_parsed_content("step")
        assert parsed is getattr(transforms, name)


def test_foreground_cropped_before_measuring(file):
    steps = [
        *read(),
        CropForegroundd("image", "image", allow_smaller=True),
        make_d("InstanceNormalize", foreground="nonzero"),
    ]
    pipeline = Compose(steps)
    done = pipeline({"image": file})
    back = pipeline.inverse(done)["image"]
    np.testing.assert_allclose(back, make_scan(), rtol=1e-4, atol=1e-2)
