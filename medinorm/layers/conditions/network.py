"""How layers get more than their input: style, regions, domain, mask.

A MONAI block calls ``norm(x)`` with one tensor. The network is therefore wrapped once
in `ConditionalNetwork`, which gives a condition to the network's own layers for one
call.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medinorm.layers.statistics.channel_norm import strip_subclass
from medinorm.layers.statistics.recorded import can_see_values, is_traced

Keyword = Literal["style", "regions", "domain", "mask"]
MapKeyword = Literal["regions", "mask"]
Resize = Literal["nearest", "average"]


class Condition:
    """What the layers of a network may read during one call.

    Args:
        values: one tensor for each keyword that was given.
    """

    def __init__(self, values: dict[Keyword, Tensor]) -> None:
        self.values = values
        self.features: dict[nn.Module, Tensor] = {}  # of reference scans, by layer
        self.recording = False  # whether reference scans are passing through
        self.shots = 1  # reference scans of each sample
        self._resized: dict[tuple[str, tuple[int, ...]], Tensor] = {}

    def resized(
        self, keyword: MapKeyword, size: tuple[int, ...], how: Resize
    ) -> Tensor:
        """A map at the resolution of a level; layers of one level share the work.

        Args:
            keyword: which map.
            size: spatial shape of the level.
            how: ``nearest``, or ``average`` of the voxels that become one.
        """
        if not can_see_values(self.values[keyword]):  # sizes may not be known yet
            return resize(self.values[keyword], size, how)
        key = (keyword, tuple(size))
        if key not in self._resized:
            self._resized[key] = resize(self.values[keyword], key[1], how)
        return self._resized[key]


def resize(values: Tensor, size: tuple[int, ...], how: Resize) -> Tensor:
    """Bring a map ``(N, C, ...)`` to a grid of another size.

    Examples:
        >>> import torch
        >>> resize(torch.tensor([[[1, 1, 1, 0]]]), (2,), "average")
        tensor([[[1.0000, 0.5000]]])
    """
    if not can_see_values(values) and not all(type(n) is int for n in size):
        return _resize_recorded(values, size, how)
    if values.shape[2:] == size:
        return values
    finer = any(new > old for new, old in zip(size, values.shape[2:], strict=True))
    if how == "nearest" or finer:
        nearest = F.interpolate(values.float(), size=size, mode="nearest-exact")
        return nearest.to(values.dtype)
    both = list(zip(size, values.shape[2:], strict=True))
    if all(old % new == 0 for new, old in both):
        return average_blocks(values.float(), [old // new for new, old in both])
    return F.interpolate(values.float(), size=size, mode="area")


def _resize_recorded(values: Tensor, size: tuple[int, ...], how: Resize) -> Tensor:
    """As `resize`, for a size that is not known yet."""
    if not is_traced() and values.shape[2:] == size:
        return values
    mode = "area" if how == "average" else "nearest-exact"
    return F.interpolate(values.float(), size=size, mode=mode).to(
        torch.float32 if how == "average" else values.dtype
    )


def average_blocks(x: Tensor, block: list[int]) -> Tensor:
    """Average blocks of voxels; those at the end may be smaller.

    ONNX has this operation, but none that averages to a given size.

    Examples:
        >>> import torch
        >>> average_blocks(torch.tensor([[[1.0, 3.0, 7.0]]]), [2])
        tensor([[[2., 7.]]])
    """
    pool: Any = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(block) - 1]
    averaged: Tensor = pool(x, block, ceil_mode=True, count_include_pad=False)
    return averaged


class Conditional(nn.Module):
    """A layer that reads a condition."""

    needs: ClassVar[tuple[Keyword, ...]] = ()
    """The conditions that the layer needs."""

    condition: Condition | None = None

    def read_condition(self, keyword: Keyword) -> Tensor:
        """The tensor that this call was given as `keyword`.

        Raises:
            ValueError: it was not given.
        """
        return self._reading(keyword).values[keyword]

    def read_map(self, keyword: MapKeyword, x: Tensor, how: Resize) -> Tensor:
        """The map that this call was given as `keyword`, at the resolution of `x`.

        Raises:
            ValueError: it was not given, or does not have the axes of `x`.
        """
        condition = self._reading(keyword)
        values = condition.values[keyword]
        # Compared one by one: sizes that are not known yet have no hash.
        goes = values.shape[0] == 1 or values.shape[0] == x.shape[0]
        if values.dim() != x.dim() or not (is_traced() or goes):
            raise ValueError(
                f"{type(self).__name__}: {keyword} must have {x.dim()} axes and "
                f"{x.shape[0]} samples (or 1), like the input"
            )
        return condition.resized(keyword, tuple(x.shape[2:]), how)

    def _reading(self, keyword: Keyword) -> Condition:
        """The condition of this call, which has `keyword`."""
        if self.condition is None or keyword not in self.condition.values:
            raise ValueError(
                f"{type(self).__name__} needs {keyword}: wrap the network in "
                f"ConditionalNetwork and call it with {keyword}=... (Activation "
                "checkpointing runs layers again when that call is over: checkpoint "
                "the whole ConditionalNetwork instead of blocks inside it.)"
            )
        return self.condition


class RecordsFeatures(Conditional):
    """A layer that compares its input with the features of reference scans."""


class ConditionalNetwork(nn.Module):
    """A network that gives its conditional layers, in each call, what they need.

    The conditions of a call reach the layers of this network only. They are removed
    after the call, also when it fails.

    Args:
        network: any module that takes one tensor, e.g. a MONAI network.
        style_encoder: turns reference scans into style codes (`StyleEncoder`); trained
            with the network.
        map_channel: take this map from the last channel of the input, so that windows
            cut from the input (sliding-window inference) carry their part of it.

    Examples:
        >>> import torch
        >>> from medinorm.layers import MaskedInstanceNorm3d
        >>> network = ConditionalNetwork(MaskedInstanceNorm3d(1, affine=False))
        >>> network.needs
        ('mask',)
        >>> x, mask = torch.tensor([[[1.0, 3.0, 9.0]]]), torch.tensor([[[1, 1, 0]]])
        >>> network(x, mask=mask)
        tensor([[[-1.0000,  1.0000,  7.0000]]])
    """

    def __init__(
        self,
        network: nn.Module,
        style_encoder: nn.Module | None = None,
        map_channel: MapKeyword | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.style_encoder = style_encoder
        self.map_channel = map_channel

    def with_map_channel(self, keyword: MapKeyword) -> "ConditionalNetwork":
        """The same network, that takes this map from the last channel of its input.

        It shares all layers with this one, which does not change.
        """
        same = ConditionalNetwork(self.network, self.style_encoder, keyword)
        same.training = self.training
        return same

    @property
    def needs(self) -> tuple[Keyword, ...]:
        """The keywords that at least one layer of the network needs."""
        layers = conditional_layers(self.network)
        return tuple(sorted({word for layer in layers for word in layer.needs}))

    def forward(
        self,
        x: Tensor,
        *,
        style: Tensor | None = None,
        regions: Tensor | None = None,
        domain: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Any:
        """Run the network under a condition.

        Every condition may have one sample for all samples of `x`. Maps have the grid
        of `x`; layers get them resized to their level.

        Args:
            x: input of the network, ``(N, C, ...)``.
            style: style codes, ``(N, S)`` or, for K shots, ``(N, K, S)``; or K
                reference scans for each sample, ``(N, K, C, ...)``.
            regions: label map of integers, ``(N, 1, ...)``, or the weight of each
                region, ``(N, R, ...)``.
            domain: index of each sample's domain, ``(N,)``; -1 for one never seen.
            mask: weight of each voxel, 0 to 1, ``(N, 1, ...)``.

        Returns:
            What the network returns.

        Raises:
            ValueError: a layer needs a condition that is not given, or a map has
                another grid than `x`.
        """
        values: dict[Keyword, Tensor | None] = {
            "style": style,
            "regions": regions,
            "domain": domain,
            "mask": mask,
        }
        if self.map_channel is not None:
            x, values[self.map_channel] = x[:, :-1], x[:, -1:]
        references = None
        if style is not None:
            values["style"], references = self._codes(style)
        conditions = {
            word: strip_subclass(t) for word, t in values.items() if t is not None
        }
        _check_maps(conditions, x)
        condition = Condition(conditions)
        with self._under(condition):
            if style is not None and references is not None and self._records:
                condition.recording, condition.shots = True, style.shape[1]
                self.network(references)
                condition.recording = False
            return self.network(x)

    @property
    def _records(self) -> bool:
        """Whether a layer reads the features of reference scans."""
        return any(isinstance(module, RecordsFeatures) for module in self.modules())

    def _codes(self, style: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """One style code for each sample, and the reference scans as one batch.

        Raises:
            ValueError: there are reference scans, but nothing that reads them.
        """
        if style.dim() == 2:
            return style, None
        if style.dim() == 3:
            return style.mean(1), None
        if self.style_encoder is None and not self._records:
            raise ValueError(
                "style holds reference scans: give ConditionalNetwork a style_encoder"
            )
        codes = None if self.style_encoder is None else self.style_encoder(style)
        return codes, style.flatten(0, 1)

    @contextmanager
    def _under(self, condition: Condition) -> Iterator[None]:
        """Let the network's layers read `condition`, and only within the block."""
        layers = conditional_layers(self.network)
        before = [layer.condition for layer in layers]
        try:
            for layer in layers:
                layer.condition = condition
            yield
        finally:
            for layer, earlier in zip(layers, before, strict=True):
                layer.condition = earlier


def _check_maps(conditions: Mapping[Keyword, Tensor], x: Tensor) -> None:
    """Refuse maps of another grid, which would be resized to that of `x`.

    Raises:
        ValueError: a map does not have the spatial shape of `x`.
    """
    for keyword in get_args(MapKeyword):
        values = conditions.get(keyword, x)
        if is_traced():
            continue
        if values.dim() == x.dim() and values.shape[2:] != x.shape[2:]:
            size, wanted = tuple(values.shape[2:]), tuple(x.shape[2:])
            raise ValueError(
                f"{keyword} has the spatial shape {size}, the input {wanted}: for "
                f"windows of a volume give the map as the last channel of the input "
                f'and set map_channel="{keyword}"'
            )


def conditional_layers(network: nn.Module) -> list[Conditional]:
    """The layers of a network that read a condition."""
    return [module for module in network.modules() if isinstance(module, Conditional)]
