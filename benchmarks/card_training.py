"""Steps per second of a U-Net with this package's norms on one device, torch only.

    python benchmarks/card_training.py [--steps 60] [--json FILE] [--quick]

The network has the channels, patch and mini-batch of the demo study, or those of a
card (`--quick`: neither, seconds on a CPU). Patches are synthetic and come from pinned
memory without waiting. Each norm trains in float32 and bfloat16, the first one also
compiled. *Host* is the share of the time in which the host sends work: near 1 the card
waits for it. Steps of a warm-up do not count. Where MONAI is installed
`benchmarks/training.py` says more.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from medinorm.layers import NORMS

Row = dict[str, Any]

SIZES = {"demo": ((16, 32, 64, 128), 48, 2), "card": ((32, 64, 128, 256), 128, 2)}
QUICK = {"quick": ((4, 8), 16, 2)}
CLASSES = 4
WARM_UP = 5


class Level(nn.Module):
    """One level of a U-Net, and those below it."""

    def __init__(self, norm: str, inputs: int, channels: Sequence[int]) -> None:
        super().__init__()
        width, *deeper = channels
        self.down = self._block(norm, inputs, width)
        self.below = Level(norm, width, deeper) if deeper else None
        if deeper:
            self.pool = nn.Conv3d(width, width, 2, stride=2)
            self.up = nn.ConvTranspose3d(deeper[0], width, 2, stride=2)
            self.merge = self._block(norm, 2 * width, width)

    def _block(self, norm: str, inputs: int, outputs: int) -> nn.Module:
        conv = nn.Conv3d(inputs, outputs, 3, padding=1, bias=False)
        return nn.Sequential(conv, NORMS[norm](outputs), nn.LeakyReLU(0.01))

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps of this level."""
        x = self.down(x)
        if self.below is None:
            return x
        return self.merge(torch.cat([x, self.up(self.below(self.pool(x)))], dim=1))


def train(
    norm: str,
    size: tuple[Sequence[int], int, int],
    *,
    steps: int,
    precision: str,
    compiled: bool = False,
) -> Row:
    """Train some steps; how long they took."""
    channels, edge, batch = size
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    head = nn.Conv3d(channels[0], CLASSES, 1)
    network = nn.Sequential(Level(norm, 1, channels), head).to(device)
    if compiled:
        network.compile()
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3, fused=True)
    images = torch.randn(batch, 1, edge, edge, edge)
    labels = torch.randint(0, CLASSES, (batch, edge, edge, edge))
    if device.type == "cuda":
        images, labels = images.pin_memory(), labels.pin_memory()
        torch.cuda.reset_peak_memory_stats()
    for step in range(WARM_UP + steps):
        if step == WARM_UP:
            _wait(device)
            began = perf_counter()
        x, y = (t.to(device, non_blocking=True) for t in (images, labels))
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            logits = network(x)
        nn.functional.cross_entropy(logits.float(), y).backward()
        optimizer.step()
        optimizer.zero_grad()
    sent = perf_counter() - began
    _wait(device)
    lasted = perf_counter() - began
    on_card = device.type == "cuda"
    return {
        "norm": norm,
        "precision": precision,
        "compiled": compiled,
        "steps_per_second": steps / lasted,
        "host": sent / lasted if on_card else None,
        "memory_gib": torch.cuda.max_memory_allocated() / 2**30 if on_card else None,
    }


def _wait(device: torch.device) -> None:
    """Wait until a card has done its work."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def main(arguments: Sequence[str] | None = None) -> int:
    """Time all trainings and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--norms", nargs="+", default=["instance", "batch", "layer"])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(arguments)
    rows = []
    for name, size in (QUICK if options.quick else SIZES).items():
        for norm in options.norms:
            kinds = [("fp32", False), ("bf16", False)]
            if norm == options.norms[0] and not options.quick:
                kinds.append(("bf16", True))
            for precision, compiled in kinds:
                row = {"size": name} | train(
                    norm,
                    size,
                    steps=options.steps,
                    precision=precision,
                    compiled=compiled,
                )
                rows.append(row)
                sys.stdout.write(f"{json.dumps(row)}\n")
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    if options.json:
        options.json.write_text(json.dumps({"device": card, "rows": rows}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
