"""Voxels of the images that MONAI passes, and images of voxels."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.data.meta_obj import get_track_meta
from torch import Tensor

from medinorm.errors import IntensityError
from medinorm.intensity.voxels.arrays import require_finite
from medinorm.intensity.voxels.kinds import (
    Voxels,
    is_tensor,
    require_numbers,
    to_host,
)
from medinorm.transforms.torchio_images import is_of_torchio

MOST_AXES = 4  # (C, X, Y, Z)
# (C, H, W) with more channels than this is taken for a volume without channels.
MOST_CHANNELS_OF_2D = 4


def voxels_of(image: Voxels) -> Voxels:
    """The voxels of an image without its metadata, sharing memory."""
    if isinstance(image, MetaTensor):
        tensor: Tensor = image.as_tensor().detach()
        return tensor
    return image.detach() if is_tensor(image) else np.asanyarray(image)


def strip_metadata(image: Tensor) -> Tensor:
    """An image as a tensor without metadata."""
    tensor: Tensor = image.as_tensor() if isinstance(image, MetaTensor) else image
    return tensor


def image_voxels(image: Voxels) -> Voxels:
    """The voxels of an image with channels; those of a mask as numbers 0 and 1.

    Raises:
        IntensityError: it is no array or tensor ``(C, ...)`` of real numbers; with what
            to do.
    """
    if not (is_tensor(image) or isinstance(image, np.ndarray)):
        raise IntensityError(_how_to_read(image))
    if isinstance(image, np.ma.MaskedArray):
        raise IntensityError(
            "a masked array may hide voxels; give image.data, and its mask with "
            "foreground='file' and mask=~numpy.ma.getmaskarray(image)"
        )
    require_numbers(image)
    voxels = voxels_of(image)
    _require_channels_first(voxels)
    if isinstance(voxels, Tensor):
        return voxels.view(torch.uint8) if voxels.dtype == torch.bool else voxels
    return voxels.view(np.uint8) if voxels.dtype == bool else voxels


def _require_channels_first(voxels: Voxels) -> None:
    """Refuse other axes than ``(C, ...)``, where that can be seen, and no voxels."""
    if voxels.ndim < 2:
        raise IntensityError(
            f"expected an image (C, ...), got {voxels.ndim} axes; give image[None]"
        )
    if voxels.ndim == 3 and voxels.shape[0] > MOST_CHANNELS_OF_2D:
        raise IntensityError(
            f"3 axes, the first of {voxels.shape[0]}: a volume without channels? Give "
            "image[None]; a 2D image with so many channels as (C, H, W, 1)"
        )
    if voxels.ndim > MOST_AXES:
        raise IntensityError(
            f"{voxels.ndim} axes, an image has {MOST_AXES} at most: a batch? Give its "
            "images (C, X, Y, Z) one by one"
        )
    if 0 in voxels.shape:
        raise IntensityError("the image has no voxels; check what was cropped or read")


def _how_to_read(image: object) -> str:
    """What to do with something that is no array or tensor."""
    kind = type(image)
    library = kind.__module__.partition(".")[0]
    if isinstance(image, str | Path):
        return (
            "expected an image, got a path; read the file first, e.g. with "
            "monai.transforms.LoadImage(ensure_channel_first=True)"
        )
    if library == "nibabel":
        return (
            "a nibabel image has its voxels in get_fdata(); give "
            "image.get_fdata()[None]"
        )
    if library == "SimpleITK":
        return (
            "a SimpleITK image has its voxels behind GetArrayFromImage; give "
            "SimpleITK.GetArrayFromImage(image)[None]"
        )
    return f"expected an array or a tensor (C, ...), got a {kind.__name__}"


def mask_for(voxels: Voxels, mask: Voxels | None) -> Voxels | None:
    """A mask of the same kind and on the same device as the voxels.

    Raises:
        IntensityError: it is no array, tensor or label map of TorchIO.
    """
    if mask is None:
        return None
    values: Any = mask.data if is_of_torchio(mask) else mask
    if not (is_tensor(values) or isinstance(values, np.ndarray)):
        raise IntensityError(f"the mask: {_how_to_read(values)}")
    require_numbers(values)
    inside = voxels_of(values)
    if isinstance(voxels, Tensor):
        if not is_tensor(inside):
            # torch has no negative strides, one byte order, and warns of read-only ones
            native = inside.dtype.newbyteorder("=")
            inside = np.require(inside, native, ["C", "W"])
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
