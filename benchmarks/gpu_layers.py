"""Time instance norm on a CUDA device side by side with torch's, in one process.

    python benchmarks/gpu_layers.py [--repeats 50] [--json FILE] [--quick]

Forward, and forward + backward, of norm + LeakyReLU as multiples of a device copy
of the same tensor in the same run: medians over turns, inputs that change and are
larger together than the cache, timed by events on the device. *Host* is how many
milliseconds the host needs to send forward and backward pass: where that is longer
than the work itself, the device waits. *Memory* is what both passes take at their peak
(output and gradient of the input included), as a multiple of the input. The error is
against float64 at mean 1000 and standard deviation 1. Without a CUDA device it says so
and ends.
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
import torch.nn.functional as F
from torch import Tensor, nn

from medinorm.layers.kernels import available, fused_instance_norm

Row = dict[str, Any]
Shape = tuple[int, int, int, int, int]

SHAPES: tuple[Shape, ...] = (
    (2, 32, 64, 64, 64),
    (1, 32, 128, 128, 128),
    (2, 32, 128, 128, 128),
)
QUICK_SHAPES: tuple[Shape, ...] = ((1, 8, 16, 16, 16),)
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
LAYOUTS = {
    "contiguous": torch.contiguous_format,
    "channels_last_3d": torch.channels_last_3d,
}
SLOPE = 0.01
# Together these bytes of inputs are several times the cache of any device.
WORKING_SET = 400_000_000


class Fused(nn.Module):
    """The kernels of this package."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalize and activate."""
        activation = "leaky_relu", SLOPE
        return fused_instance_norm(x, self.weight, self.bias, 1e-5, *activation)


class GroupNorm(nn.Module):
    """Instance norm as torch's group norm with a group for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize and activate."""
        return F.leaky_relu_(self.norm(x), SLOPE)


def instance_norm(channels: int) -> nn.Module:
    """Instance norm of torch, then its activation in place."""
    norm = nn.InstanceNorm3d(channels, affine=True)
    return nn.Sequential(norm, nn.LeakyReLU(SLOPE, inplace=True))


def compiled_norm(channels: int) -> nn.Module:
    """Instance norm of torch and its activation, compiled for one shape."""
    module: nn.Module = torch.compile(instance_norm(channels), dynamic=False)
    return module


LAYERS: Mapping[str, Callable[[int], nn.Module]] = {
    "medinorm": Fused,
    "nn.InstanceNorm3d": instance_norm,
    "nn.InstanceNorm3d compiled": compiled_norm,
    "F.group_norm": GroupNorm,
}


def time_shape(
    shape: Shape, dtype: torch.dtype, layout: torch.memory_format, repeats: int
) -> list[Row]:
    """Time every layer at one shape, dtype and layout, in turns."""
    layers = {name: make(shape[1]).cuda().to(dtype) for name, make in LAYERS.items()}
    inputs = _fresh_inputs(shape, dtype, layout)
    times: dict[str, list[tuple[float, ...]]] = {name: [] for name in layers}
    copies = []
    for turn in range(-3, repeats):
        x, gradient = inputs[turn % len(inputs)]
        copy, _ = _milliseconds(lambda: torch.empty_like(x).copy_(x))  # noqa: B023
        found = {
            name: _time_layer(layer, x, gradient) for name, layer in layers.items()
        }
        if turn >= 0:  # those before compile and warm up
            copies.append(copy)
            for name, time in found.items():
                times[name].append(time)
    copy = median(copies)
    rows = []
    for name, layer in layers.items():
        forward, both, host = map(median, zip(*times[name], strict=True))
        rows.append(
            {
                "layer": name,
                "copy_ms": copy,
                "forward": forward / copy,
                "forward_backward": both / copy,
                "host_ms": host,
                "memory": _peak_memory(layer, *inputs[0]),
                "error": _error(layer, inputs[0][0]),
                "keeps_layout": _keeps_layout(layer, inputs[0][0]),
            }
        )
    return rows


def _fresh_inputs(
    shape: Shape, dtype: torch.dtype, layout: torch.memory_format
) -> list[tuple[Tensor, Tensor]]:
    """Inputs and gradients that differ, as many as exceed the cache."""

    def draw() -> Tensor:
        x = torch.randn(shape, device="cuda").to(dtype)
        return x.contiguous(memory_format=layout)

    count = max(2, -(-WORKING_SET // (2 * draw().nbytes)))
    return [(draw(), draw()) for _ in range(count)]


def _time_layer(
    layer: nn.Module, x: Tensor, gradient: Tensor
) -> tuple[float, float, float]:
    """Milliseconds of the forward pass, of both passes, and of the host for both."""
    with torch.no_grad():
        forward, _ = _milliseconds(lambda: layer(x))
    return forward, *_milliseconds(lambda: _step(layer, x, gradient))


def _step(layer: nn.Module, x: Tensor, gradient: Tensor) -> None:
    """Forward and backward pass, gradients of the input and of the parameters."""
    given = x.detach().requires_grad_()
    y = layer(given)
    torch.autograd.grad(y, [given, *layer.parameters()], gradient)


def _milliseconds(function: Callable[[], object]) -> tuple[float, float]:
    """How long the device works on a call, and how long the host takes to send it."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    # The device waits here, a millisecond or so, until the host has sent the call.
    torch.cuda._sleep(2_000_000)
    start.record()
    began = perf_counter()
    kept = function()
    sent = perf_counter()
    end.record()
    torch.cuda.synchronize()
    del kept
    return start.elapsed_time(end), 1e3 * (sent - began)


def _peak_memory(layer: nn.Module, x: Tensor, gradient: Tensor) -> float:
    """Memory of a step at its peak beyond what was there, in inputs."""
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    _step(layer, x, gradient)
    torch.cuda.synchronize()
    return (torch.cuda.max_memory_allocated() - before) / x.nbytes


@torch.no_grad()
def _keeps_layout(layer: nn.Module, x: Tensor) -> bool:
    """Whether the output has the layout of the input."""
    return bool(layer(x).stride() == x.stride())


@torch.no_grad()
def _error(layer: nn.Module, noise: Tensor) -> float:
    """Largest difference from the definition in float64, on a part of the channels."""
    x = noise + 1000.0
    part = slice(None, None, 8)
    values = x[:, part].double()
    away = values - values.mean((2, 3, 4), keepdim=True)
    std = (away.square().mean((2, 3, 4), keepdim=True) + 1e-5).sqrt()
    wanted = F.leaky_relu(away / std, SLOPE)
    return float((layer(x)[:, part].double() - wanted).abs().max())


def time_all(shapes: Sequence[Shape], repeats: int) -> list[Row]:
    """Time every combination of shape, dtype and layout."""
    rows = []
    for shape in shapes:
        for dtype_name, dtype in DTYPES.items():
            for layout_name, layout in LAYOUTS.items():
                # One compiled layer a shape, and no memory of the one before.
                torch._dynamo.reset()
                torch.cuda.empty_cache()
                place = {
                    "shape": list(shape),
                    "dtype": dtype_name,
                    "layout": layout_name,
                }
                found = time_shape(shape, dtype, layout, repeats)
                rows.extend({**place, **row} for row in found)
    return rows


def describe_device() -> Row:
    """The device and the software that ran on it."""
    properties = torch.cuda.get_device_properties(0)
    return {
        "device": properties.name,
        "multiprocessors": properties.multi_processor_count,
        "cache_mb": properties.L2_cache_size / 1e6,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
    }


def print_rows(rows: Sequence[Row]) -> None:
    """Print the table."""
    print(
        f"{'shape':>18} {'dtype':<6}{'layout':<17}{'layer':<28}"
        f"{'forward':>8}{'both':>7}{'host':>7}{'memory':>8}{'error':>9}"
    )
    for row in rows:
        shape = "x".join(map(str, row["shape"]))
        print(
            f"{shape:>18} {row['dtype']:<6}{row['layout']:<17}{row['layer']:<28}"
            f"{row['forward']:8.2f}{row['forward_backward']:7.2f}"
            f"{row['host_ms']:7.2f}{row['memory']:8.2f}{row['error']:9.1e}"
            f"{'' if row['keeps_layout'] else '  layout lost'}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, or that there is no device to make it on."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--json", type=Path, help="also write the results here")
    parser.add_argument("--quick", action="store_true", help="small shapes, as a test")
    given = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        print("There is no CUDA device on this machine: nothing was timed.")
        if given.json:
            given.json.write_text(json.dumps({"device": None, "rows": []}))
        return 0
    if not available(torch.zeros(1, 1, 2, device="cuda")):
        print("Triton does not work on this machine: nothing was timed.")
        return 1
    torch.manual_seed(0)
    rows = time_all(QUICK_SHAPES if given.quick else SHAPES, given.repeats)
    report = {**describe_device(), "rows": rows}
    print(", ".join(f"{k} {v}" for k, v in report.items() if k != "rows"))
    print_rows(rows)
    if given.json:
        given.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
