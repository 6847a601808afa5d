"""Sliding-window inference with the statistics of the whole volume."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import torch
from monai.data import MetaTensor
from monai.inferers import SlidingWindowInferer
from monai.utils import convert_to_dst_type, fall_back_tuple
from torch import Tensor, nn

from medinorm.layers.norms.thumbnail_instance import frozen_statistics, thumbnail_layers
from medinorm.layers.tiled_inference.calibration import calibrate
from medinorm.layers.tiled_inference.field_of_view import (
    Predictor,
    coarsest,
    measure_reach,
    measure_steps,
    takes_size,
)
from medinorm.layers.tiled_inference.tiles import (
    Shape,
    Tile,
    Window,
    choose_tiles,
    cut_tiles,
)
from medinorm.layers.tiled_inference.whole_volume import (
    freeze_from_strided,
    freeze_from_tiles,
    pad_to,
    pad_to_stride,
    predict_at_once,
    predict_tiles,
)

Statistics = Literal["tiles", "strided", "exact"]

# A volume with no more voxels than this many windows with surroundings passes at once,
# in a fraction of the time (a 30th in BasicUNet with windows of 32 voxels).
AT_ONCE = 4
_OWN_WORDS = ("device", "buffer_steps", "buffer_dim")  # of a call, as in MONAI


class ThumbnailSlidingWindowInferer(SlidingWindowInferer):  # type: ignore[misc]
    """Infer in windows, with the statistics of the whole volume.

    It replaces MONAI's `SlidingWindowInferer`, for networks with
    `ThumbnailInstanceNorm3d` layers. The statistics of these layers are measured on the
    whole volume before its windows are inferred. They are removed before the next
    volume.

    ``tiles`` measures a few windows at full resolution, weighted so that together they
    represent the volume. ``strided`` measures every k-th voxel of the volume, as one
    window. ``exact`` measures all windows, layer by layer: the result is that of
    whole-volume inference, at the cost of a pass through all windows for each layer.

    Tiles differ from the volume in their statistics, and at their borders, which a
    network pads with zeros. Therefore each window is measured and inferred together
    with its surroundings, as far as the network's field of view reaches. Nothing is
    blended: `overlap` and `mode` have no effect. Without `surroundings` windows are
    blended as in MONAI; ``exact`` always uses surroundings.

    Memory: at most `sw_batch_size` windows pass at once when statistics are measured,
    and one when they are used. A window with its surroundings is large if the field of
    view is large: 96 voxels to each side in MONAI's `BasicUNet` and in a `UNet` of 5
    levels with residual units, for any size of the window. A volume that holds no more
    voxels than `sw_batch_size` such windows (or four) passes at once, whatever
    `statistics` is: that is exact, and much faster. Where the GPU's memory is too small
    for that, windows are used. With a `sw_batch_size` of `count`, ``tiles`` needs one
    pass for all layers instead of one for each.

    The size of a volume may be no multiple of the network's stride. If the network
    takes such a size, the windows at the end have it too, and ``exact`` gives the
    network's own result. If not, the last voxels are repeated up to a multiple; they
    are not measured, and are cut off in the end. ``exact`` supposes that the network
    treats all places alike; a network that resizes with ``align_corners`` does not.

    Args:
        args: as in `SlidingWindowInferer`.
        statistics: where the statistics come from.
        count: number of windows for ``tiles``.
        surroundings: infer each window with what surrounds it, in place of blending.
        options: as in `SlidingWindowInferer`.

    Raises:
        ValueError: an argument is out of its range; on call: the network is no module,
            has no `ThumbnailInstanceNorm3d` or uses one in several places; with
            surroundings: it returns labels, or its field of view is the whole volume.

    Examples:
        >>> from medinorm.layers import ThumbnailInstanceNorm3d
        >>> network, volume = ThumbnailInstanceNorm3d(1), torch.randn(1, 1, 32, 16, 16)
        >>> inferer = ThumbnailSlidingWindowInferer((16, 16, 16), statistics="exact")
        >>> torch.allclose(inferer(volume, network), network(volume), atol=1e-5)
        True
    """

    def __init__(
        self,
        *args: Any,
        statistics: Statistics = "tiles",
        count: int = 12,
        surroundings: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        if statistics not in get_args(Statistics):
            known = ", ".join(get_args(Statistics))
            raise ValueError(f"statistics must be one of {known}; not {statistics}")
        if count < 1:
            raise ValueError("count must be positive")
        if self.with_coord:
            raise ValueError("with_coord must be False: statistics have no coordinates")
        self.statistics, self.count = statistics, count
        self.surroundings = surroundings or statistics == "exact"

    def __call__(
        self, inputs: Tensor, network: nn.Module, *args: Any, **kwargs: Any
    ) -> Any:
        """Run the network on all windows of each volume.

        Args:
            inputs: ``(N, C, ...)``.
            network: a module with `ThumbnailInstanceNorm3d` layers.
            args: passed on to the network.
            kwargs: passed on to the network, for all volumes alike; except ``device``
                and those of buffers, which replace the inferer's own.
        """
        if not isinstance(network, nn.Module) or not thumbnail_layers(network):
            raise ValueError(
                "the network must be a module with ThumbnailInstanceNorm3d layers: "
                "build it with norm='thumbnail_instance' or use convert_norm"
            )
        if not inputs.numel():
            raise ValueError(f"there are no voxels in inputs {tuple(inputs.shape)}")
        own = {word: kwargs.pop(word) for word in _OWN_WORDS if word in kwargs}
        without_meta = inputs.as_tensor() if isinstance(inputs, MetaTensor) else inputs
        volumes = [
            self._infer(volume, network, own, *args, **kwargs)
            for volume in without_meta.split(1)
        ]
        if len(volumes) > 1 and not isinstance(volumes[0], Tensor):
            raise ValueError("give one volume at a time to a network of many outputs")
        result = torch.cat(volumes) if len(volumes) > 1 else volumes[0]
        return _with_meta(result, inputs) if without_meta is not inputs else result

    def _infer(
        self,
        volume: Tensor,
        network: nn.Module,
        own: dict[str, Any],
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Run the network on one volume."""

        def predict(x: Tensor) -> Any:
            return network(x.to(self.sw_device or x.device), *args, **kwargs)

        with frozen_statistics(network):
            if self.surroundings:
                device = self._output_device(volume, own.get("device", self.device))
                return self._infer_with_surroundings(volume, network, predict, device)
            window = fall_back_tuple(self.roi_size, volume.shape[2:])
            padded = pad_to(volume, window, self.padding_mode, self.cval)
            if self.statistics == "strided":
                freeze_from_strided(network, predict, padded, window)
            else:
                none, ones = (0,) * len(window), (1,) * len(window)
                sample = self._sample(padded, padded, window, none, ones)
                freeze_from_tiles(network, predict, padded, sample)
            return super().__call__(volume, network, *args, **own, **kwargs)

    def _infer_with_surroundings(
        self,
        volume: Tensor,
        network: nn.Module,
        predict: Predictor,
        device: torch.device,
    ) -> Tensor:
        """Run the network on one volume, without the borders of windows."""
        steps = measure_steps(network, predict, volume)
        stride = coarsest(steps)
        halo = measure_reach(network, predict, volume, stride)
        fits = takes_size(network, predict, volume, steps)
        padded = volume if fits else pad_to_stride(volume, stride)
        shape, room = tuple(volume.shape[2:]), tuple(padded.shape[2:])
        core = _multiple(fall_back_tuple(self.roi_size, shape), room, stride)
        tiles = cut_tiles(shape, core, halo, stride, room)
        if math.prod(room) <= max(AT_ONCE, self.sw_batch_size) * _largest(tiles):
            whole = Tile(_all_of(shape), _all_of(room))
            try:
                return predict_at_once(network, predict, padded, whole, steps, device)
            except torch.OutOfMemoryError:  # of the GPU; then windows are used
                for layer in thumbnail_layers(network):
                    layer.thaw()
        if self.statistics == "strided":
            freeze_from_strided(network, predict, padded, core)
        elif self.statistics == "exact":
            freeze_from_tiles(network, predict, padded, [[t] for t in tiles], steps)
        else:
            sample = self._sample(volume, padded, core, halo, stride)
            freeze_from_tiles(network, predict, padded, sample, steps)
        return predict_tiles(predict, padded, tiles, device)

    def _sample(
        self, volume: Tensor, padded: Tensor, core: Shape, halo: Shape, stride: Shape
    ) -> list[list[Tile]]:
        """A few windows that represent the volume, in batches."""
        shape, room = tuple(volume.shape[2:]), tuple(padded.shape[2:])
        tiles = choose_tiles(shape, core, halo, stride, self.count, room)
        cells = cut_tiles(shape, core, halo, stride, room)
        weights = calibrate(volume, tiles, cells).tolist()
        tiles = [replace(t, weight=w) for t, w in zip(tiles, weights, strict=True)]
        size = self.sw_batch_size
        return [tiles[first : first + size] for first in range(0, len(tiles), size)]

    def _output_device(self, volume: Tensor, wanted: Any) -> torch.device:
        """Where MONAI's inferer would put the result."""
        if wanted is not None:
            return torch.device(wanted)
        large = volume.shape[2:].numel()
        if self.cpu_thresh is not None and large > self.cpu_thresh:
            return torch.device("cpu")
        return volume.device


def _multiple(window: Shape, shape: Shape, stride: Shape) -> Shape:
    """The window, within the volume, rounded down to whole strides, at least one."""
    return tuple(
        max(1, min(size, whole) // step) * step
        for size, whole, step in zip(window, shape, stride, strict=True)
    )


def _largest(tiles: Sequence[Tile]) -> int:
    """Voxels of the largest tile with its surroundings."""
    return max(math.prod(tile.shape) for tile in tiles)


def _all_of(shape: Shape) -> Window:
    """The window of the whole grid."""
    return tuple(slice(0, size) for size in shape)


def _with_meta(result: Any, inputs: MetaTensor) -> Any:
    """Tensors with the meta data of the input, as MONAI's inferer returns them."""
    if isinstance(result, dict):
        return {name: _with_meta(each, inputs) for name, each in result.items()}
    if isinstance(result, (tuple, list)):
        return type(result)(_with_meta(each, inputs) for each in result)
    target = MetaTensor([]).copy_meta_from(inputs, copy_attr=False)
    return convert_to_dst_type(
        result, target, dtype=result.dtype, device=result.device
    )[0]
