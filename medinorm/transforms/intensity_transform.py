"""What all array transforms do: fit a map to a scan, apply it, record it, invert it."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Unpack

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform
from monai.utils import TraceKeys, TransformBackends
from torch import Tensor

from medinorm.errors import IntensityError
from medinorm.intensity import IntensityMap, Policy, find_masks
from medinorm.intensity.voxels.kinds import (
    Masks,
    Voxels,
)
from medinorm.transforms.record import record_map, recorded_map
from medinorm.transforms.settings import Settings, make_policy
from medinorm.transforms.torchio_images import is_of_torchio, map_torchio
from medinorm.transforms.voxels import (
    image_of,
    image_voxels,
    mask_for,
    strip_metadata,
    voxels_of,
)


class IntensityTransform(InvertibleTransform):  # type: ignore[misc]
    """Fit an intensity map to each scan and apply it.

    Images are channel-first, NumPy or torch, of any real data type; results are float32
    `MetaTensor`, on the device of the input, which is not changed. Every channel has a
    map of its own unless a transform says otherwise.

    The map is recorded in ``applied_operations``, and `inverse` applies its inverse:
    intensities come back as float32, up to rounding. `monai.transforms.Invertd` passes
    predictions, whose values are no intensities: they are not changed (see ``restore``
    in `MeasureSettings`).

    Args:
        settings: see `Settings`.

    Raises:
        ValueError: a choice is unknown.
    """

    backend = (TransformBackends.TORCH, TransformBackends.NUMPY)
    measures: ClassVar[bool] = True  # whether the map depends on the scan

    def __init__(self, **settings: Unpack[Settings]) -> None:
        self.restore = settings.pop("restore", None)
        self.policy = make_policy(**settings)

    @property
    def reads_masks(self) -> bool:
        """Whether the foreground of a scan is needed to map it."""
        return self.measures or self.policy.background is not None

    @abstractmethod
    def fit(self, voxels: Voxels, policy: Policy, mask: Voxels | None) -> IntensityMap:
        """The map of a scan.

        Args:
            voxels: shape ``(C, ...)``, NumPy or torch.
            policy: which voxels are measured.
            mask: of the foreground, for the foregrounds `label` and `file`.
        """

    def __call__(self, img: Any, mask: Voxels | None = None) -> Any:
        """Map an image.

        Args:
            img: shape ``(C, ...)``; or an image or a subject of TorchIO, which comes
                back as a new one.
            mask: of the foreground, for ``foreground="label"`` and ``"file"``: shape
                ``(C, ...)``, ``(1, ...)`` or the grid alone; not 0 inside.

        Raises:
            IntensityError: the intensities or the mask cannot be used. `Compose` wraps
                it in a `RuntimeError`, as its ``__cause__``.
        """
        if is_of_torchio(img):
            call = IntensityTransform.__call__  # a random one has drawn already
            return map_torchio(
                img, lambda voxels: strip_metadata(call(self, voxels, mask))
            )
        voxels = image_voxels(img)
        policy, own, masks = self._find_masks(voxels, mask_for(voxels, mask))
        fitted = self.fit(voxels, policy, own)
        if masks is None and getattr(fitted, "background", None) is not None:
            masks = find_masks(voxels, policy, own)
        return self.apply_map(fitted, img, masks)

    def apply_map(
        self, intensity_map: IntensityMap, img: Voxels, masks: Masks | None = None
    ) -> Tensor:
        """Map an image and record how.

        Args:
            intensity_map: the map.
            img: shape ``(C, ...)``.
            masks: one for each channel, where the map sets the background.
        """
        voxels = image_voxels(img)
        result = image_of(intensity_map.apply(voxels, masks), img)
        recorded: Tensor = self.push_transform(
            result, extra_info=record_map(intensity_map)
        )
        return recorded

    def inverse(self, data: Tensor) -> Tensor:
        """Bring the intensities of an image back, where this transform was the last.

        Unlike in MONAI the record of `data` stays, so that it can be inverted again.

        Raises:
            IntensityError: different intensities became one (clipping, background), the
                data has other channels than the image had, or it has no record.
        """
        return self.undo(data, restore=self.restore is not False)

    def undo(self, data: Tensor, *, restore: bool) -> Tensor:
        """An image without this transform in its record; `restore` the intensities?"""
        if not isinstance(data, MetaTensor):
            raise IntensityError(
                f"{type(self).__name__}: {type(data).__name__} has no record of what "
                "was done to it; invert the MetaTensor that the transform gave"
            )
        recorded = self.get_most_recent_transform(data)
        voxels = voxels_of(data)
        if restore and recorded[TraceKeys.DO_TRANSFORM]:
            try:
                back = recorded_map(recorded[TraceKeys.EXTRA_INFO]).inverse()
                voxels = back.apply(voxels)
            except IntensityError as error:
                raise IntensityError(
                    f"{type(self).__name__}: {error}; with restore=False inverting "
                    "leaves intensities as they are"
                ) from error
        result = image_of(voxels, data)
        if isinstance(result, MetaTensor):
            self.pop_transform(result)
        return result

    def _find_masks(
        self, voxels: Voxels, mask: Voxels | None
    ) -> tuple[Policy, Voxels | None, Sequence[Voxels | None] | None]:
        """The masks, if the map needs them, so that they are computed only once."""
        if self.policy.background is None:
            return self.policy, mask, None
        masks = find_masks(voxels, self.policy, mask)
        tensors = [one for one in masks if isinstance(one, Tensor)]
        arrays = [one for one in masks if isinstance(one, np.ndarray)]
        if len(tensors) + len(arrays) < len(masks):
            return self.policy, mask, masks
        stack = torch.stack(tensors) if tensors else np.stack(arrays)
        by_mask = replace(self.policy, foreground="file", largest=False)
        return by_mask, stack, masks
