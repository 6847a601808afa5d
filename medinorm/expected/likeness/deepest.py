"""What the deepest layer of a network sees in a scan."""

from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class DeepestFeatures:
    """Mean and standard deviation of each channel of a network's deepest layer.

    The deepest layer is the convolution whose output has the fewest voxels, and of
    several the most channels. What it
    sees is averaged over the tiles of a scan.

    Args:
        network: in evaluation mode; its outputs stay as they are.

    Examples:
        >>> network = nn.Sequential(nn.Conv3d(1, 2, 1), nn.Conv3d(2, 3, 1, stride=2))
        >>> with DeepestFeatures(network) as features, torch.no_grad():
        ...     _ = network(torch.zeros(4, 1, 8, 8, 8))
        >>> features.take().shape
        (6,)
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._totals: dict[str, tuple[int, int, NDArray[np.float64]]] = {}
        self._handles: list[Any] = []
        self._smallest: int | None = None  # voxels of an output, so far

    def __enter__(self) -> Self:
        for name, module in self._network.named_modules():
            if isinstance(module, nn.Conv3d | nn.Conv2d):
                self._handles.append(module.register_forward_hook(self._see(name)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def take(self) -> NDArray[np.float64]:
        """The numbers of the scan that the network has seen since the last call.

        Returns:
            Shape ``(2 * channels,)``; empty if it has seen none.
        """
        seen, self._totals = self._totals, {}
        if not seen:
            return np.empty(0)
        _, tiles, total = min(seen.values(), key=lambda one: (one[0], -one[2].size))
        return total / tiles

    def _see(self, name: str) -> Any:
        """A hook that adds up what one layer puts out."""

        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            voxels = output[0, 0].numel()
            if self._smallest is not None and voxels > self._smallest:
                return
            self._smallest = voxels
            flat = output.detach().float().flatten(2)
            std, mean = torch.std_mean(flat, dim=2, correction=0)
            row = torch.cat([mean, std], dim=1).sum(dim=0).double().cpu().numpy()
            _, tiles, total = self._totals.get(name, (0, 0, np.zeros_like(row)))
            self._totals[name] = voxels, tiles + len(output), total + row

        return hook
