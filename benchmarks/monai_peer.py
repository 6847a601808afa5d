"""A plain MONAI training loop for some CPU minutes, with predictions of the test scans.

    python benchmarks/monai_peer.py STUDY FOLDER --minutes 20

A peer of ours, called by `benchmarks/hippocampus.py`, which scores all peers alike. It
is what a practised user writes without medinorm: MONAI's UNet with instance norm,
random rotation, scaling, flips, gamma and noise, AdamW under one cycle, on the same
harmonized scans. Gamma is MONAI's, on the range of the patch. One thread.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import DataLoader, Dataset
from monai.inferers import sliding_window_inference
from monai.losses import DiceCELoss
from monai.networks.nets import UNet
from monai.transforms import (
    Compose,
    RandAdjustContrastd,
    RandAffined,
    RandFlipd,
    RandGaussianNoised,
    RandSpatialCropd,
    SpatialPad,
    SpatialPadd,
)

from medinorm.files.nifti import read_grid, read_volume, write_volume
from medinorm.files.tables import read_table
from medinorm.harmonize.spatial import resample_onto
from medinorm.layout import harmonized_paths

PATCH = (40, 56, 40)
BOTH = ("image", "label")


def read_names(study: Path, *roles: str) -> list[str]:
    """The scans of the pooled split with these roles."""
    return [
        row["scan"]
        for row in read_table(study / "splits.tsv")
        if row["design"] == "pooled" and row["role"] in roles
    ]


def read_sample(harmonized: Path, name: str) -> dict[str, torch.Tensor]:
    """Image and label map of a harmonized scan."""
    image, label = harmonized_paths(harmonized, name)
    return {
        "image": torch.from_numpy(np.array(read_volume(image).array)),
        "label": torch.from_numpy(read_volume(label).array.astype(np.int64)),
    }


def augmentation() -> Compose:
    """What is done to each patch."""
    return Compose(
        [
            SpatialPadd(BOTH, PATCH, mode="edge"),
            RandSpatialCropd(BOTH, PATCH, random_size=False),
            RandAffined(
                BOTH,
                prob=0.5,
                rotate_range=(0.3, 0.3, 0.3),
                scale_range=(0.2, 0.2, 0.2),
                mode=("bilinear", "nearest"),
                padding_mode="border",
            ),
            RandFlipd(BOTH, prob=0.5, spatial_axis=0),
            RandFlipd(BOTH, prob=0.5, spatial_axis=1),
            RandFlipd(BOTH, prob=0.5, spatial_axis=2),
            RandAdjustContrastd("image", prob=0.3, gamma=(0.7, 1.5)),
            RandGaussianNoised("image", prob=0.3, std=0.1),
        ]
    )


def train(samples: list[dict[str, torch.Tensor]], minutes: float) -> Any:
    """The network after some CPU minutes, and the steps."""
    torch.manual_seed(0)
    network = UNet(3, 1, 3, (16, 32, 64, 128), (2, 2, 2), norm="instance")
    loss = DiceCELoss(softmax=True, to_onehot_y=True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=1e-5)
    loader = DataLoader(Dataset(samples, augmentation()), batch_size=2, shuffle=True)
    began, steps = time.process_time(), 0
    while True:
        for batch in loader:
            used = (time.process_time() - began) / 60 / minutes
            if used >= 1:
                return network, steps
            for group in optimizer.param_groups:
                group["lr"] = one_cycle(used)
            optimizer.zero_grad()
            value = loss(network(batch["image"]), batch["label"])
            value.backward()
            optimizer.step()
            steps += 1


def one_cycle(used: float, peak: float = 1e-2) -> float:
    """The rate of a cycle: up to its peak at 30 %, then down, along cosines."""
    low, part = (peak / 25, used / 0.3) if used < 0.3 else (0.0, (1 - used) / 0.7)
    return low + (peak - low) * (1 - np.cos(np.pi * part)) / 2


@torch.inference_mode()
def predict(network: torch.nn.Module, study: Path, harmonized: Path, to: Path) -> None:
    """Write the label maps of the test scans, on the grids of their scans."""
    to.mkdir(parents=True, exist_ok=True)
    files = {row["scan"]: row["image"] for row in read_table(study / "scans.tsv")}
    network.eval()
    for name in read_names(study, "test"):
        volume = read_volume(harmonized_paths(harmonized, name)[0])
        image = torch.from_numpy(np.array(volume.array))
        image = SpatialPad(PATCH, mode="edge")(image)
        logits = sliding_window_inference(
            image[None].as_tensor(), PATCH, 4, network, overlap=0.25, mode="gaussian"
        )
        starts = [
            (large - small) // 2
            for large, small in zip(
                logits.shape[2:], volume.array.shape[1:], strict=True
            )
        ]
        window = tuple(
            slice(first, first + size)
            for first, size in zip(starts, volume.array.shape[1:], strict=True)
        )
        shares = logits.softmax(1)[0].numpy()[(slice(None), *window)]
        grid = read_grid(study / "canonical" / files[name])
        each = [resample_onto(volume.with_array(s[None]), grid).array for s in shares]
        labels = np.concatenate(each).argmax(0)[None].astype(np.uint8)
        write_volume(grid.with_array(labels), to / f"{name}.nii.gz")


def main() -> None:
    """Train and predict."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", type=Path, help="results folder of the pooled study")
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument("--minutes", type=float, default=20.0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    (harmonized,) = (given.study / "harmonized" / "zscore").iterdir()
    names = read_names(given.study, "train", "validation")
    samples = [read_sample(harmonized, name) for name in names]
    network, steps = train(samples, given.minutes)
    predict(network, given.study, harmonized, given.folder / "predictions")
    facts = {"steps": steps, "patches": 2 * steps, "cpu_minutes": given.minutes}
    (given.folder / "facts.json").write_text(json.dumps(facts))
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
