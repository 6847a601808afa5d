"""Time the normalization layers beside torch's, with a limit and a verdict per row.

    python benchmarks/layers.py [--quick] [--rounds 9] [--threads 1 2] [--json FILE]
                                [--norms instance ...] [--shapes 1x320x8x8x8 ...]
                                [--steps]

A row is a norm, shape, layout, number of threads and pass: the ratio to the fastest
torch route that is right, and a limit of 1.05. In ``channels_last`` the routes of torch
are its norm as it is, and its norm between a copy to the other layout and one back.
Right is what differs by at most 1e-3 from the equation in float64, output and gradient,
at mean 1000 and standard deviation 1; routes that are not are listed and do not count.
Then, for large ``channels_last_3d`` tensors and with the compiled loops on, multiples
of ``x.clone()``: at most 1.5 forward, 3.5 with backward. The exit code is 1 if a row is
over its limit. How times are taken: `verdicts.py`. Seconds with `--quick` (two shapes,
one thread), the better part of an hour without.

`--steps` adds the time of a training step of the workflow's default network with each
norm, relative to `instance`.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from monai.networks.nets import UNet
from torch import Tensor, nn
from verdicts import OURS, Effort, Prepare, Row, Work, exit_code, judge, show

from medinorm.layers import (
    NORMS,
    BatchNorm3d,
    ConditionalNetwork,
    GroupNorm3d,
    InstanceNorm3d,
    LayerNorm3d,
    compiled,
    monai_norm,
    register_norms,
)
from medinorm.layers.norms.group import DEFAULT_GROUPS, largest_divisor
from medinorm.layers.statistics.pooled import SMALL

SHAPES = (
    (1, 320, 8, 8, 8),
    (2, 1, 96, 96, 96),
    (2, 32, 64, 64, 64),
    (1, 32, 128, 128, 128),
    (2, 32, 128, 128, 128),
    (16, 64, 128, 128),
)
QUICK_SHAPES = (SHAPES[0], (1, 32, 32, 32, 32))
LIMIT = 1.05
CLONE_LIMITS = {"forward": 1.5, "backward": 3.5}
OFFSET = 1000.0
RIGHT = 1e-3
REPEATED = 1 << 22  # elements in a round, at least
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """One norm on one kind of tensor.

    Args:
        norm: ``instance``, ``group``, ``layer`` or ``batch``.
        shape: ``(N, C, ...)``.
        channels_last: the layout.
        training: the mode, which matters to batch norm only.
    """

    norm: str
    shape: Shape
    channels_last: bool
    training: bool = True

    def __str__(self) -> str:
        mode = "" if self.norm != "batch" else " train" if self.training else " eval"
        layout = "channels_last" if self.channels_last else "contiguous"
        return f"{self.norm + mode:<11} {'x'.join(map(str, self.shape)):<17} {layout}"

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.shape[1]

    @property
    def groups(self) -> int:
        """How many groups of channels have statistics of their own."""
        few = largest_divisor(self.channels, DEFAULT_GROUPS)
        return {"group": few, "layer": 1}.get(self.norm, self.channels)

    def lay_out(self, x: Tensor) -> Tensor:
        """A tensor in the layout, copied if necessary."""
        if not self.channels_last:
            return x.contiguous()
        last = torch.channels_last_3d if x.dim() == 5 else torch.channels_last
        return x.contiguous(memory_format=last)

    def draw(self, mean: float = 0.0) -> Tensor:
        """A random tensor."""
        return self.lay_out(torch.randn(self.shape).add_(mean))


def list_cases(shapes: Sequence[Shape], norms: Sequence[str]) -> Iterator[Case]:
    """All cases; with one channel both layouts are the same."""
    for shape in shapes:
        for last in (False, True) if shape[1] > 1 else (False,):
            for norm in norms:
                yield Case(norm, shape, last)
                if norm == "batch":
                    yield Case(norm, shape, last, training=False)


def make_ours(case: Case) -> nn.Module:
    """The layer of this package."""
    kinds: Mapping[str, Callable[[int], nn.Module]] = {
        "instance": InstanceNorm3d,
        "group": GroupNorm3d,
        "layer": LayerNorm3d,
        "batch": BatchNorm3d,
    }
    return kinds[case.norm](case.channels).train(case.training)


class Turned(nn.Module):
    """A norm between a copy to the contiguous layout and one back."""

    def __init__(self, norm: nn.Module, case: Case) -> None:
        super().__init__()
        self.norm, self.case = norm, case

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `x`."""
        return self.case.lay_out(self.norm(x.contiguous()))


class LaidOut(Turned):
    """A norm that may lose the layout, which is then restored."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `x`."""
        return self.case.lay_out(self.norm(x))


def make_peers(case: Case) -> dict[str, nn.Module]:
    """The routes of torch to the same function."""
    channels, dims = case.channels, len(case.shape) - 2
    instance = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)[dims - 1]
    batch = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[dims - 1]
    if case.norm == "batch":
        norms = {"BatchNorm": batch(channels)}
    else:
        norms = {"GroupNorm": nn.GroupNorm(case.groups, channels)}
    if case.norm == "instance":
        norms["InstanceNorm"] = instance(channels, affine=True)
    peers = {f"torch {name}": norm for name, norm in norms.items()}
    if case.channels_last:
        peers = {
            **{name: LaidOut(norm, case) for name, norm in peers.items()},
            **{f"{name}, turned": Turned(norm, case) for name, norm in peers.items()},
        }
    return {name: norm.train(case.training) for name, norm in peers.items()}


def measure_errors(layer: nn.Module, case: Case) -> tuple[float, float]:
    """Largest differences of output and gradient from the equation in float64.

    Args:
        layer: with a gain of 1 and an offset of 0; its running statistics are
            reset.
        case: of the layer.
    """
    torch.manual_seed(1)
    x, gradient = case.draw(OFFSET).requires_grad_(), case.draw()
    for module in layer.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.fill_(OFFSET)
            module.running_var.fill_(1.0)
    y = layer(x)
    y.backward(gradient)
    for module in layer.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_running_stats()
    width = case.channels // case.groups
    errors = []
    for start in {0, case.channels - width}:  # the first group and the last
        part = (slice(None if case.norm == "batch" else 1), slice(start, start + width))
        wanted = compute_exactly(x.detach()[part], gradient[part], case)
        results = (y.detach()[part], x.grad[part])
        errors.append(
            [
                (one.double() - exact).abs_().max().item()
                for one, exact in zip(results, wanted, strict=True)
            ]
        )
    return max(error for error, _ in errors), max(error for _, error in errors)


def compute_exactly(x: Tensor, gradient: Tensor, case: Case) -> tuple[Tensor, Tensor]:
    """Output and gradient of one group by the equation, in float64.

    With :math:`y = (x - m) r` the gradient is :math:`r (g - E[g] - y E[g y])`, where
    the statistics are those of the input.
    """
    y, incoming = x.double(), gradient.double()
    if case.norm == "batch" and not case.training:
        rstd = (1 + 1e-5) ** -0.5
        return y.sub_(OFFSET).mul_(rstd), incoming.mul_(rstd)
    y -= y.mean()
    rstd = (y.square().mean() + 1e-5).rsqrt()
    y *= rstd
    moment = (incoming * y).mean()
    incoming -= incoming.mean()
    return y, incoming.sub_(y * moment).mul_(rstd)


def prepare(layer: nn.Module, x: Tensor, *, backward: bool) -> Prepare:
    """How to prepare a pass of a layer on a copy of `x`."""

    def forward_pass() -> Work:
        own = x.clone()

        def run() -> Tensor:
            with torch.no_grad():
                return layer(own)

        return run

    def both_passes() -> Work:
        own, gradient = x.clone().requires_grad_(), x.clone()

        def run() -> None:
            layer(own).backward(gradient)

        return run

    return both_passes if backward else forward_pass


def judge_case(case: Case, rounds: int, threads: Sequence[int]) -> Iterator[Row]:
    """The rows of a case, beside the routes of torch that are right."""
    layers = {OURS: make_ours(case), **make_peers(case)}
    torch.set_num_threads(max(threads))
    errors = {name: measure_errors(layer, case) for name, layer in layers.items()}
    wrong = [name for name, pair in errors.items() if max(pair) > RIGHT]
    for name in wrong:
        output, gradient = errors[name]
        print(f"{case} {name} is wrong: output {output:.0e}, gradient {gradient:.0e}")
    if OURS in wrong:
        raise SystemExit(f"{case}: ours is wrong")
    x = case.draw()
    for number in threads:
        torch.set_num_threads(number)
        effort = Effort(rounds, number, max(1, REPEATED // x.numel()))
        for backward in (False, True):
            words = "backward" if backward else "forward"
            yield judge(
                f"{case!s:<43} {words:<9}{number}",
                {
                    name: prepare(layer, x, backward=backward)
                    for name, layer in layers.items()
                    if name not in wrong
                },
                LIMIT,
                effort,
            )


def judge_compiled(case: Case, rounds: int, threads: Sequence[int]) -> Iterator[Row]:
    """The rows of a case with the compiled loops on, beside a copy."""
    layer = make_ours(case)
    compiled.enable()
    try:
        if max(measure_errors(layer, case)) > RIGHT:
            raise SystemExit(f"{case}: compiled loops are wrong")
        x = case.draw()
        for number in threads:
            torch.set_num_threads(number)
            for word, limit in CLONE_LIMITS.items():
                works = {
                    OURS: prepare(layer, x, backward=word == "backward"),
                    "x.clone()": lambda: x.clone().clone,
                }
                yield judge(
                    f"{f'{case}, compiled':<43} {word:<9}{number}",
                    works,
                    limit,
                    Effort(rounds, number),
                )
    finally:
        compiled.enable(on=False)


def judge_all(given: argparse.Namespace) -> Iterator[Row]:
    """All rows that were asked for."""
    cases = [*list_cases(given.shapes, given.norms)]
    for case in cases:
        yield from judge_case(case, given.rounds, given.threads)
    for case in cases:
        size = torch.Size(case.shape).numel()
        if case.channels_last and len(case.shape) == 5 and size > SMALL:
            yield from judge_compiled(case, given.rounds, given.threads)


def judge_steps(rounds: int, threads: int, patch: int) -> Iterator[Row]:
    """A training step of the workflow's default network with every norm."""
    register_norms()
    torch.set_num_threads(threads)
    networks = {name: make_network(name) for name in NORMS}

    def work(name: str) -> Prepare:
        network = networks[name]

        def prepare_step() -> Work:
            x = torch.randn(2, 1, patch, patch, patch)
            conditions = draw_conditions(network, x)
            return lambda: take_step(network, x, conditions)

        return prepare_step

    for name in NORMS:
        works = {OURS: work(name), "instance": work("instance")}
        yield judge(f"step, {name}", works, None, Effort(rounds, threads))


def make_network(name: str) -> ConditionalNetwork:
    """The workflow's default network."""
    return ConditionalNetwork(
        UNet(3, 1, 4, (16, 32, 64), (2, 2), num_res_units=1, norm=monai_norm(name, {}))
    )


def draw_conditions(network: ConditionalNetwork, x: Tensor) -> dict[str, Tensor]:
    """What the layers of a network need."""
    every = {
        "style": torch.randn(x.shape[0], 64),
        "regions": torch.randint(0, 4, x.shape),
        "domain": torch.randint(0, 3, x.shape[:1]),
        "mask": (torch.rand(x.shape) > 0.3).float(),
    }
    return {word: every[word] for word in network.needs}


def take_step(
    network: ConditionalNetwork, x: Tensor, conditions: dict[str, Tensor]
) -> None:
    """Forward and backward pass."""
    network.zero_grad(set_to_none=True)
    network(x, **conditions).square().mean().backward()


def read_shape(word: str) -> Shape:
    """A shape from a word.

    Examples:
        >>> read_shape("1x8x4x4x4")
        (1, 8, 4, 4, 4)
    """
    return tuple(map(int, word.split("x")))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; 1 if a row is over its limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    norms = ("instance", "group", "layer", "batch")
    parser.add_argument("--quick", action="store_true", help="two shapes, one thread")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, nargs="+")
    parser.add_argument("--norms", nargs="+", choices=norms, default=norms)
    parser.add_argument("--shapes", nargs="+", type=read_shape)
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--steps", action="store_true", help="training steps as well")
    given = parser.parse_args(arguments)
    given.threads = given.threads or ([1] if given.quick else [1, 2])
    given.shapes = given.shapes or (QUICK_SHAPES if given.quick else SHAPES)
    torch.manual_seed(0)
    rows = [*show(judge_all(given))]
    if given.steps:
        patch = 16 if given.quick else 48
        rows += show(judge_steps(given.rounds, max(given.threads), patch))
    if given.json:
        text: Any = json.dumps([row.as_dict() for row in rows], indent=1)
        given.json.write_text(text, encoding="utf-8")
    return exit_code(rows)


if __name__ == "__main__":
    sys.exit(main())
