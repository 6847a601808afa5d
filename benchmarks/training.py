"""Steps per second of a training run, beside a plain MONAI loop on the same network.

    python benchmarks/training.py [--steps N] [--norm NAME] [--json]

Both train MONAI's UNet on the same synthetic patches of 48 voxels a side, batches of 2,
with one thread: the loop as in MONAI's tutorials (`RandFlipd`, `DiceCELoss`, AdamW,
one cycle); ours with Lightning, its checkpoints and history. They take turns, and who
begins changes; the numbers are medians of processor time. Start-up is the import of the
train stage in a fresh process.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from monai.losses import DiceCELoss
from monai.transforms import RandFlipd
from scipy.ndimage import gaussian_filter
from torch.utils.data import DataLoader

from medinorm.config import TrainConfig
from medinorm.jobs.memory import keep_freed_memory
from medinorm.train.dataset import PatchDataset, StepSampler, TrainingScan
from medinorm.train.networks.build import build_network
from medinorm.train.segmenter import Segmenter
from medinorm.train.trainer import make_trainer, quiet

CLASSES = 3
ROUNDS = 3


def make_scan(seed: int) -> TrainingScan:
    """Smooth noise; its bright parts are the labels."""
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter(rng.normal(size=(72, 84, 70)).astype(np.float32), 4)
    smooth /= smooth.std()
    label = np.digitize(smooth, [0.5, 1.3]).astype(np.uint8)
    image = smooth + 0.3 * rng.normal(size=smooth.shape).astype(np.float32)
    centres = tuple(np.argwhere(label == value)[::10] for value in (1, 2))
    return TrainingScan(image[np.newaxis], label, centres, 0, {})


def make_network(settings: TrainConfig, norm: str) -> torch.nn.Module:
    """The network, with the same weights for both."""
    torch.manual_seed(0)
    return build_network(
        settings.network, channels=1, classes=CLASSES, norm=norm, norm_options={}
    )


def train_ours(scans: list[TrainingScan], settings: TrainConfig, norm: str) -> None:
    """One run, as the train stage makes it."""
    module = Segmenter(make_network(settings, norm), settings, 0)
    patches = PatchDataset(scans, settings, 0, augmentation="flip")
    size = settings.batch_size
    sampler = StepSampler(
        settings.checkpoint_steps * size,
        len(patches),
        done=lambda: module.global_step * size,
    )
    stretches = -(-settings.steps // settings.checkpoint_steps)
    with quiet(), tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(Path(folder), settings, stretches)
        trainer.fit(module, DataLoader(patches, batch_size=size, sampler=sampler))


def train_bare(scans: list[TrainingScan], settings: TrainConfig, norm: str) -> None:
    """One run in a loop of its own."""
    network = make_network(settings, norm)
    loss_of = DiceCELoss(softmax=True, to_onehot_y=True)
    optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.steps + 1
    )
    mirror = RandFlipd(("image", "label"), prob=0.5, spatial_axis=0)
    patches = PatchDataset(scans, settings, 0)
    batch_size = settings.batch_size
    for step in range(settings.steps):
        indices = range(step * batch_size, (step + 1) * batch_size)
        drawn = [mirror(patches[index]) for index in indices]
        image, label = (torch.stack([d[key] for d in drawn]) for key in drawn[0])
        optimizer.zero_grad()
        loss_of(network(image.as_tensor()), label.as_tensor()).backward()
        optimizer.step()
        cycle.step()


def measure(train: Callable[[], None]) -> float:
    """Seconds of processor time."""
    started = time.process_time()
    train()
    return time.process_time() - started


def measure_start_up() -> float:
    """Seconds of processor time to import the train stage."""
    code = "import medinorm.train.stage, time; print(time.process_time())"
    command = [sys.executable, "-c", code]
    return float(subprocess.run(command, check=True, capture_output=True).stdout)


def compare(steps: int, norm: str) -> dict[str, float]:
    """Steps per second of both, and the share of start-up in a job of 900 steps."""
    scans = [make_scan(seed) for seed in range(6)]
    settings = TrainConfig(recipe="fast", steps=steps, device="cpu")
    loops = {"ours": train_ours, "bare": train_bare}
    train_ours(scans, settings.model_copy(update={"steps": 2}), norm)  # to warm up
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for turn in range(ROUNDS):
        for name in sorted(loops, reverse=turn % 2 == 1):
            taken = measure(lambda loop=loops[name]: loop(scans, settings, norm))
            seconds[name].append(taken / steps)
    step = {name: statistics.median(each) for name, each in seconds.items()}
    start = measure_start_up()
    return {
        "ours_steps_per_second": 1 / step["ours"],
        "bare_steps_per_second": 1 / step["bare"],
        "ratio": step["bare"] / step["ours"],
        "start_up_seconds": start,
        "start_up_share_of_900_steps": start / (start + 900 * step["ours"]),
    }


def main() -> None:
    """Measure, and print one row a number."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--norm", default="instance")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()  # for both: it belongs to the process
    numbers = compare(arguments.steps, arguments.norm)
    if arguments.json:
        print(json.dumps(numbers))
        return
    for name, number in numbers.items():
        print(f"{name:28} {number:8.3f}")


if __name__ == "__main__":
    main()
