"""Time the normalization layers side by side with torch's, in one process.

    python benchmarks/layers.py [--threads 2] [--repeats 7] [--json FILE] [--quick]

Forward and forward + backward are given as multiples of ``x.clone()`` in the same run,
medians over fresh inputs, in turns, so that a busy machine slows all alike. The error
is against float64 at mean 1000 and standard deviation 1. The second table is a training
step of the workflow's default network with each norm, relative to `instance`.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch
from monai.networks.nets import UNet
from torch import Tensor, nn

from medinorm.layers import (
    NORMS,
    BatchNorm3d,
    ConditionalNetwork,
    GroupNorm3d,
    InstanceNorm3d,
    monai_norm,
    register_norms,
)

CHANNELS = 32
SHAPES = ((2, CHANNELS, 64, 64, 64), (1, CHANNELS, 128, 128, 128))
QUICK_SHAPES = ((1, CHANNELS, 16, 16, 16),)
LAYOUTS = {
    "contiguous": torch.contiguous_format,
    "channels_last_3d": torch.channels_last_3d,
}
LAYERS: Mapping[str, Callable[[], nn.Module]] = {
    "medinorm InstanceNorm3d": lambda: InstanceNorm3d(CHANNELS),
    "medinorm InstanceNorm3d + LeakyReLU": lambda: InstanceNorm3d(
        CHANNELS, activation="leaky_relu"
    ),
    "medinorm GroupNorm3d": lambda: GroupNorm3d(CHANNELS),
    "medinorm BatchNorm3d": lambda: BatchNorm3d(CHANNELS),
    "torch InstanceNorm3d": lambda: nn.InstanceNorm3d(CHANNELS, affine=True),
    "torch InstanceNorm3d + LeakyReLU": lambda: nn.Sequential(
        nn.InstanceNorm3d(CHANNELS, affine=True), nn.LeakyReLU(0.01, inplace=True)
    ),
    "torch GroupNorm, C groups": lambda: nn.GroupNorm(CHANNELS, CHANNELS),
    "torch GroupNorm": lambda: nn.GroupNorm(8, CHANNELS),
    "torch BatchNorm3d": lambda: nn.BatchNorm3d(CHANNELS),
}
Row = dict[str, Any]


def time_layers(shapes: Sequence[tuple[int, ...]], repeats: int) -> list[Row]:
    """Time every layer at every shape and layout."""
    rows = []
    for shape in shapes:
        for layout, memory_format in LAYOUTS.items():
            layers = {name: make() for name, make in LAYERS.items()}
            times = _time_in_turns(layers, shape, memory_format, repeats)
            clone = times.pop("clone")[0]
            for name, (forward, both) in times.items():
                x = _fresh(shape, memory_format, mean=1000.0)
                rows.append(
                    {
                        "layer": name,
                        "shape": list(shape),
                        "layout": layout,
                        "forward": forward / clone,
                        "forward_backward": both / clone,
                        "keeps_layout": _keeps_layout(layers[name], x),
                        "error": _error(layers[name], x),
                        "clone_ms": 1e3 * clone,
                    }
                )
    return rows


def _time_in_turns(
    layers: Mapping[str, nn.Module],
    shape: tuple[int, ...],
    memory_format: torch.memory_format,
    repeats: int,
) -> dict[str, tuple[float, float]]:
    """Median seconds of forward, and of forward and backward, of each layer."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in layers}
    clones = []
    for turn in range(repeats + 1):
        for name, layer in layers.items():
            x = _fresh(shape, memory_format)
            clones.append(_seconds(x.clone))
            pair = (_forward_seconds(layer, x), _both_seconds(layer, x))
            if turn:  # the first turn warms up
                times[name].append(pair)
    medians = {
        name: (median(a for a, _ in pairs), median(b for _, b in pairs))
        for name, pairs in times.items()
    }
    return {**medians, "clone": (median(clones), 0.0)}


def _fresh(
    shape: tuple[int, ...], memory_format: torch.memory_format, mean: float = 0.0
) -> Tensor:
    """A new input."""
    return (torch.randn(shape) + mean).contiguous(memory_format=memory_format)


def _seconds(function: Callable[[], Any]) -> float:
    """How long a call takes."""
    start = perf_counter()
    kept = function()
    end = perf_counter()
    del kept
    return end - start


def _forward_seconds(layer: nn.Module, x: Tensor) -> float:
    """How long the forward pass takes."""
    with torch.no_grad():
        return _seconds(lambda: layer(x))


def _both_seconds(layer: nn.Module, x: Tensor) -> float:
    """How long forward and backward pass take together."""
    given, gradient = x.clone().requires_grad_(), torch.randn_like(x)

    def run() -> Tensor:
        layer(given).backward(gradient)
        return given

    return _seconds(run)


@torch.no_grad()
def _keeps_layout(layer: nn.Module, x: Tensor) -> bool:
    """Whether the output has the layout of the input."""
    return bool(layer(x).stride() == x.stride())


@torch.no_grad()
def _error(layer: nn.Module, x: Tensor) -> float:
    """Largest difference from the definition in float64, on a part of the channels."""
    pooled = (
        isinstance(layer, nn.GroupNorm | GroupNorm3d) and layer.num_groups < CHANNELS
    )
    dims = (
        (0, 2, 3, 4)
        if isinstance(layer, nn.modules.batchnorm._BatchNorm)
        else (2, 3, 4)
    )
    y = layer(x)
    worst = 0.0
    width = CHANNELS // 8 if pooled else 1
    for start in range(0, CHANNELS, 8):
        part = x[:, start : start + width].double()
        over = (1, 2, 3, 4) if pooled else dims
        mean = part.mean(over, keepdim=True)
        centred = part - mean
        wanted = centred / (centred.square().mean(over, keepdim=True) + 1e-5).sqrt()
        if "LeakyReLU" in repr(layer) or getattr(layer, "activation", None):
            wanted = nn.functional.leaky_relu(wanted, 0.01)
        worst = max(worst, float((y[:, start : start + width] - wanted).abs().max()))
    return worst


def time_steps(repeats: int, patch: int, batch: int = 2) -> list[Row]:
    """Time a training step of the default network with every norm, in turns."""
    register_norms()
    networks = {name: _network(name) for name in NORMS}
    times: dict[str, list[float]] = {name: [] for name in NORMS}
    for turn in range(repeats + 1):
        for name, network in networks.items():
            x = torch.randn(batch, 1, patch, patch, patch)
            conditions = _conditions(network, x)
            seconds = _seconds(lambda: _step(network, x, conditions))  # noqa: B023
            if turn:
                times[name].append(seconds)
    medians = {name: median(found) for name, found in times.items()}
    return [
        {
            "norm": name,
            "step_ms": 1e3 * seconds,
            "to_instance": seconds / medians["instance"],
            "parameters": sum(p.numel() for p in networks[name].parameters()),
        }
        for name, seconds in medians.items()
    ]


def _network(name: str) -> ConditionalNetwork:
    """The workflow's default network."""
    return ConditionalNetwork(
        UNet(3, 1, 4, (16, 32, 64), (2, 2), num_res_units=1, norm=monai_norm(name, {}))
    )


def _conditions(network: ConditionalNetwork, x: Tensor) -> dict[str, Tensor]:
    """What the layers of a network need."""
    every = {
        "style": torch.randn(x.shape[0], 64),
        "regions": torch.randint(0, 4, x.shape),
        "domain": torch.randint(0, 3, x.shape[:1]),
        "mask": (torch.rand(x.shape) > 0.3).float(),
    }
    return {word: every[word] for word in network.needs}


def _step(
    network: ConditionalNetwork, x: Tensor, conditions: dict[str, Tensor]
) -> None:
    """Forward and backward pass."""
    network.zero_grad(set_to_none=True)
    network(x, **conditions).square().mean().backward()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path, help="also write the results here")
    parser.add_argument("--quick", action="store_true", help="small shapes, as a test")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    layers = time_layers(QUICK_SHAPES if given.quick else SHAPES, given.repeats)
    steps = time_steps(given.repeats, patch=16 if given.quick else 48)
    for row in layers:
        shape = "x".join(map(str, row["shape"]))
        print(
            f"{shape:>18} {row['layout']:<17} {row['layer']:<36}"
            f"{row['forward']:6.2f} {row['forward_backward']:6.2f}  "
            f"{row['error']:.1e}{'' if row['keeps_layout'] else '  layout lost'}"
        )
    for row in steps:
        print(
            f"{row['norm']:<26}{row['step_ms']:8.1f} ms {row['to_instance']:6.2f} "
            f"{row['parameters']:>10,} parameters"
        )
    if given.json:
        report = {"threads": given.threads, "layers": layers, "steps": steps}
        given.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
