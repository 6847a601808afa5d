"""Voxels of the images that MONAI passes, and images of voxels."""

import numpy as np
import torch
from monai.data import MetaTensor
from monai.data.meta_obj import get_track_meta
from torch import Tensor

from medinorm.intensity.voxels.arrays import require_finite
from medinorm.intensity.voxels.kinds import (
    Voxels,
    is_tensor,
    to_host,
)


def voxels_of(image: Voxels) -> Voxels:
    """The voxels of an image without its metadata, sharing memory."""
    if isinstance(image, MetaTensor):
        tensor: Tensor = image.as_tensor().detach()
        return tensor
    return image.detach() if is_tensor(image) else np.asanyarray(image)


def mask_for(voxels: Voxels, mask: Voxels | None) -> Voxels | None:
    """A mask of the same kind and on the same device as the voxels."""
    if mask is None:
        return None
    inside = voxels_of(mask)
    if isinstance(voxels, Tensor):
        if not is_tensor(inside):  # torch has no negative strides and one byte order
            native = inside.dtype.newbyteorder("=")
            inside = np.ascontiguousarray(inside, dtype=native)
        return torch.as_tensor(inside, device=voxels.device)
    return to_host(inside)


def image_of(voxels: Voxels, image: Voxels) -> Tensor:
    """Voxels with the metadata of the image that they were computed from.

    As in MONAI a `MetaTensor`, or a tensor where metadata are not tracked
    (`monai.data.set_track_meta`).
    """
    tensor = torch.as_tensor(voxels).contiguous()
    if not get_track_meta():
        return tensor
    # A new one even around the same voxels: its record is not that of the input.
    result = MetaTensor(tensor)
    if isinstance(image, MetaTensor):
        result.copy_meta_from(image)
    with_metadata: Tensor = result
    return with_metadata


def require_all_finite(voxels: Voxels) -> None:
    """Refuse NaN and infinity in any channel.

    Raises:
        IntensityError: there are some; with how many.
    """
    for channel in voxels:
        require_finite(channel)
