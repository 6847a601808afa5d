"""Images and subjects of TorchIO, without importing TorchIO.

Transforms take them directly, so that `torchio.Compose` does too. The space of an image
(affine) stays what it was.
"""

import copy
from collections.abc import Callable
from typing import Any

from torch import Tensor

from medinorm.errors import IntensityError


def is_of_torchio(image: object) -> bool:
    """Whether this is an image or a subject of TorchIO.

    Examples:
        >>> is_of_torchio("scan.nii.gz")
        False
    """
    modules = (kind.__module__ for kind in type(image).__mro__)
    return any(module.partition(".")[0] == "torchio" for module in modules)


def map_torchio(image: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Change the voxels of an image, or of all images of a subject but its labels.

    Args:
        image: `torchio.Image` or `torchio.Subject`; it stays as it is.
        change: from voxels ``(C, X, Y, Z)`` to new ones.

    Returns:
        A new image or subject, with the same affine matrices.

    Raises:
        IntensityError: the subject has no image of intensities, or the image is a
            label map.
    """
    if hasattr(image, "set_data"):
        if not _has_intensities(image):
            raise IntensityError("a label map has no intensities; give a ScalarImage")
        changed = change(image.data)  # reads the file, also the affine matrix
        result = copy.copy(image)
        result.set_data(changed)
        return result
    names = [name for name, one in image.items() if _has_intensities(one)]
    if not names:
        raise IntensityError("the subject has no image of intensities (ScalarImage)")
    subject = copy.copy(image)
    for name in names:
        subject[name] = map_torchio(image[name], change)
    return with_attributes(subject)


def with_attributes(subject: Any) -> Any:
    """The subject, whose ``subject.t1`` is ``subject["t1"]`` again; or a dictionary."""
    if is_of_torchio(subject):
        subject.update_attributes()
    return subject


def _has_intensities(image: object) -> bool:
    """Whether this is an image whose values are no labels."""
    return is_of_torchio(image) and getattr(image, "type", "") == "intensity"
