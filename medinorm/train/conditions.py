"""What conditional norms need besides the image: style, regions, domain, mask.

The same in training and at test time, and never from labels: references are images of
the same domain, regions and mask come from the image itself.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medinorm.intensity import find_foreground, find_regions
from medinorm.layers.conditions.network import MapKeyword

KEYWORDS = ("style", "regions", "domain", "mask")
MAPS: tuple[MapKeyword, ...] = ("regions", "mask")

REGIONS = 4  # air and three classes of tissue


def condition_maps(
    image: NDArray[Any], needs: Sequence[str], regions: int = REGIONS
) -> dict[str, NDArray[np.uint8]]:
    """The maps of a scan that the network needs.

    Args:
        image: shape ``(C, X, Y, Z)``; only the first channel is used.
        needs: conditions of the network.
        regions: number of classes of intensity.

    Returns:
        For ``regions`` and ``mask``, if needed, a map of shape ``(X, Y, Z)``.

    Raises:
        IntensityError: a mask is needed, and the image is constant.
    """
    maps = {}
    if "regions" in needs:
        maps["regions"] = find_regions(image[0], regions)
    if "mask" in needs:
        maps["mask"] = find_foreground(image[0], "otsu").astype(np.uint8)
    return maps


def conditions_of(batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The conditions among the entries of a mini-batch, as keyword arguments."""
    return {word: batch[word] for word in KEYWORDS if word in batch}


def scan_conditions(
    image: NDArray[Any],
    needs: Sequence[str],
    *,
    domain: int,
    references: NDArray[Any],
    regions: int = REGIONS,
) -> dict[str, Tensor]:
    """All conditions of one whole scan, as a batch of one.

    Args:
        image: shape ``(C, X, Y, Z)``.
        needs: conditions of the network.
        domain: index of its domain in training; -1 if never seen.
        references: patches of scans of the same domain, ``(K, C, x, y, z)``.
        regions: number of classes of intensity.
    """
    maps = condition_maps(image, needs, regions)
    conditions = {
        word: torch.from_numpy(values[np.newaxis, np.newaxis])
        for word, values in maps.items()
    }
    if "domain" in needs:
        conditions["domain"] = torch.tensor([domain])
    if "style" in needs:
        conditions["style"] = torch.from_numpy(references[np.newaxis])
    return conditions


def central_patch(image: NDArray[Any], patch: Sequence[int]) -> NDArray[Any]:
    """The patch in the middle of an image at least as large.

    Args:
        image: shape ``(C, X, Y, Z)``.
        patch: its size, in voxels.
    """
    starts = [(n - size) // 2 for n, size in zip(image.shape[1:], patch, strict=True)]
    window = tuple(
        slice(start, start + size) for start, size in zip(starts, patch, strict=True)
    )
    return np.array(image[(slice(None), *window)])
