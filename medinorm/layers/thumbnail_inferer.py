"""Sliding-window inference with the statistics of the whole volume."""

from typing import Any, Literal, get_args

import torch
from monai.inferers import SlidingWindowInferer
from monai.utils import fall_back_tuple
from torch import Tensor, nn

from medinorm.layers.calibration import calibrate
from medinorm.layers.field_of_view import Predictor, measure_reach, measure_stride
from medinorm.layers.thumbnail_instance import frozen_statistics, thumbnail_layers
from medinorm.layers.tiles import Shape, cut_tiles, part_of, spread_tiles
from medinorm.layers.whole_volume import (
    freeze_exactly,
    freeze_from_strided,
    freeze_from_tiles,
    pad_to,
    pad_to_stride,
    predict_tiles,
)

Statistics = Literal["tiles", "strided", "exact"]


class ThumbnailSlidingWindowInferer(SlidingWindowInferer):  # type: ignore[misc]
    """Infer in windows, with `ThumbnailInstanceNorm3d` layers that know the volume.

    In place of MONAI's `SlidingWindowInferer`: before the windows of a volume, the
    statistics of its layers are taken from the whole of it. Nothing remains for the
    next volume.

    ``tiles`` takes a few windows at full resolution, weighted so that together they are
    like the volume; ``strided`` every k-th voxel of the volume, as one window;
    ``exact`` all windows, layer by layer: the result is that of whole-volume inference,
    at the cost of a pass through all windows for each layer.

    Statistics are one thing by which tiles differ from the volume, borders are the
    other: a network pads them with zeros. Therefore each window is measured and
    inferred together with as much around it as the network looks at (which takes
    memory: choose smaller windows), and nothing is blended: `overlap`, `mode` and
    `sw_batch_size` have no meaning. Without `surroundings` windows are blended as in
    MONAI; ``exact`` always has them.

    Args:
        args: as in `SlidingWindowInferer`.
        statistics: where the statistics come from.
        count: number of windows for ``tiles``; they pass through the network at once.
        surroundings: infer each window with what surrounds it, in place of blending.
        options: as in `SlidingWindowInferer`.

    Raises:
        ValueError: an argument is out of its range; on call: the network is no module,
            or has no `ThumbnailInstanceNorm3d`.

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
            kwargs: passed on to the network, for all volumes alike.
        """
        if not isinstance(network, nn.Module) or not thumbnail_layers(network):
            raise ValueError(
                "the network must be a module with ThumbnailInstanceNorm3d layers: "
                "build it with norm='thumbnail_instance' or use convert_norm"
            )
        volumes = [
            self._infer(inputs[n : n + 1], network, *args, **kwargs)
            for n in range(inputs.shape[0])
        ]
        if len(volumes) == 1:
            return volumes[0]
        if not isinstance(volumes[0], Tensor):
            raise ValueError("give one volume at a time to a network of many outputs")
        return torch.cat(volumes)

    def _infer(
        self, volume: Tensor, network: nn.Module, *args: Any, **kwargs: Any
    ) -> Any:
        """Run the network on one volume."""

        def predict(x: Tensor) -> Any:
            return network(x.to(self.sw_device or x.device), *args, **kwargs)

        with frozen_statistics(network):
            if self.surroundings:
                return self._infer_with_surroundings(volume, network, predict)
            window = fall_back_tuple(self.roi_size, volume.shape[2:])
            padded = pad_to(volume, window, self.padding_mode, self.cval)
            none = (0,) * len(window)
            self._freeze(network, predict, padded, window, none)
            return super().__call__(volume, network, *args, **kwargs)

    def _infer_with_surroundings(
        self, volume: Tensor, network: nn.Module, predict: Predictor
    ) -> Tensor:
        """Run the network on one volume, without the borders of windows."""
        stride = measure_stride(network, predict, volume)
        halo = measure_reach(network, predict, volume, stride)
        padded = pad_to_stride(volume, stride)
        shape = tuple(padded.shape[2:])
        core = _multiple(fall_back_tuple(self.roi_size, shape), shape, stride)
        tiles = cut_tiles(shape, core, halo)
        if self.statistics == "exact":
            freeze_exactly(network, predict, padded, tiles)
        else:
            self._freeze(network, predict, padded, core, halo, stride)
        whole = predict_tiles(predict, padded, tiles)
        return part_of(whole, tuple(slice(size) for size in volume.shape[2:]))

    def _freeze(
        self,
        network: nn.Module,
        predict: Predictor,
        volume: Tensor,
        window: Shape,
        halo: Shape,
        stride: Shape | None = None,
    ) -> None:
        """Freeze the statistics of one volume, from tiles or strided."""
        if self.statistics == "strided":
            freeze_from_strided(network, predict, volume, window)
            return
        shape = tuple(volume.shape[2:])
        step = stride or (1,) * len(shape)
        tiles = spread_tiles(shape, window, halo, step, self.count)
        weights = calibrate(volume, tiles, cut_tiles(shape, window, halo))
        freeze_from_tiles(network, predict, volume, tiles, weights)


def _multiple(window: Shape, shape: Shape, stride: Shape) -> Shape:
    """The window, within the volume, rounded down to whole strides, at least one."""
    return tuple(
        max(1, min(size, whole) // step) * step
        for size, whole, step in zip(window, shape, stride, strict=True)
    )
