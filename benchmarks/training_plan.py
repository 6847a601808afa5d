"""Measure what a training step costs on one CPU thread, beside what the plan expects.

    OMP_NUM_THREADS=1 python benchmarks/training_plan.py

Prints a table: CPU seconds of forward, loss, backward and optimizer (the fastest of
a few), the seconds of the plan's model without loading, and their ratio. The constants
in `medinorm/training_plan/cost.py` are the least-squares fit of such a table, by
relative error, of seconds = a + b * multiplications + c * values of feature maps.
"""

import sys
import time

import torch

from medinorm.config import NetworkConfig
from medinorm.train.loss import SegmentationLoss
from medinorm.train.networks.build import build_network
from medinorm.training_plan.cost import estimate_step
from medinorm.training_plan.topology import uniform_topology

_VOXEL = 8e-8  # seconds to load a voxel, which is not measured here
CASES = [
    ("unet", (16, 32, 64, 128), (48, 48, 48), 2),
    ("unet", (16, 32, 64, 128), (32, 40, 32), 2),
    ("unet", (16, 32, 64, 128), (64, 64, 64), 2),
    ("unet", (16, 32, 64, 128), (48, 48, 48), 4),
    ("unet", (8, 16, 32, 64), (48, 48, 48), 2),
    ("unet", (32, 64, 128, 256), (48, 48, 48), 2),
    ("unet", (32, 64, 128, 256), (32, 40, 32), 2),
    ("unet", (32, 64, 128), (32, 40, 32), 2),
    ("dynunet", (16, 32, 64, 128), (48, 48, 48), 2),
    ("dynunet", (16, 32, 64, 128), (32, 40, 32), 2),
    ("dynunet", (8, 16, 32, 64), (48, 48, 48), 2),
    ("dynunet", (32, 64, 128, 256), (32, 32, 32), 2),
]


def measure(
    name: str, channels: tuple[int, ...], patch: tuple[int, int, int], batch: int
) -> float:
    """CPU seconds of one step, the fastest of three."""
    network = build_network(
        NetworkConfig(name=name, channels=channels),
        channels=1,
        classes=3,
        norm="instance",
        norm_options={},
    )
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    loss = SegmentationLoss()
    image = torch.randn(batch, 1, *patch)
    label = torch.randint(0, 3, (batch, 1, *patch))
    seconds = []
    for _ in range(4):
        start = time.process_time()
        optimizer.zero_grad()
        loss(network(image), label).backward()
        optimizer.step()
        seconds.append(time.process_time() - start)
    return min(seconds[1:])


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    sys.stdout.write("network\tchannels\tpatch\tbatch\tmeasured\tmodel\tratio\n")
    for name, channels, patch, batch in CASES:
        levels = uniform_topology(patch, len(channels))
        cost = estimate_step(name, channels, levels, batch_size=batch)
        model = cost.seconds - batch * _VOXEL * patch[0] * patch[1] * patch[2]
        seconds = measure(name, channels, patch, batch)
        cells = (name, channels, patch, batch)
        sys.stdout.write("\t".join(map(str, cells)))
        sys.stdout.write(f"\t{seconds:.4f}\t{model:.4f}\t{model / seconds:.2f}\n")


if __name__ == "__main__":
    main()
