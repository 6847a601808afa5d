"""What all array transforms do: fit a map to a scan, apply it, record it, invert it."""

from abc import abstractmethod
from dataclasses import replace
from typing import Any, ClassVar, Unpack

import numpy as np
import torch
from monai.transforms import InvertibleTransform
from monai.utils import TraceKeys, TransformBackends

from medinorm.errors import IntensityError
from medinorm.intensity import IntensityMap, Policy, find_masks
from medinorm.transforms.record import record_map, recorded_map
from medinorm.transforms.settings import Settings, make_policy
from medinorm.transforms.voxels import image_of, mask_for, voxels_of


class IntensityTransform(InvertibleTransform):  # type: ignore[misc]
    """Fit an intensity map to each scan and apply it.

    Images are channel-first, NumPy or torch, of any real data type; results are float32
    `MetaTensor`, on the device of the input, which is not changed. Every channel has a
    map of its own unless a transform says otherwise.

    The map is recorded in ``applied_operations``, and `inverse` applies its inverse:
    intensities come back to float32 rounding, as float32. What
    `monai.transforms.Invertd` hands over are predictions, whose values are no
    intensities: they stay as they are (see ``restore`` in `MeasureSettings`).

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
        """Whether mapping a scan takes its foreground."""
        return self.measures or self.policy.background is not None

    @abstractmethod
    def fit(self, voxels: Any, policy: Policy, given: Any) -> IntensityMap:
        """The map of a scan.

        Args:
            voxels: shape ``(C, ...)``, NumPy or torch.
            policy: which voxels are measured.
            given: the mask, for the foregrounds `label` and `file`.
        """

    def __call__(self, img: Any, mask: Any = None) -> Any:
        """Map an image.

        Args:
            img: shape ``(C, ...)``.
            mask: of the foreground, for ``foreground="label"`` and ``"file"``: shape
                ``(C, ...)``, ``(1, ...)`` or the grid alone; not 0 inside.

        Raises:
            IntensityError: the intensities or the mask cannot be used. `Compose` wraps
                it in a `RuntimeError`, as its ``__cause__``.
        """
        voxels = voxels_of(img)
        policy, given, masks = self._find_masks(voxels, mask_for(voxels, mask))
        map_ = self.fit(voxels, policy, given)
        if masks is None and getattr(map_, "background", None) is not None:
            masks = find_masks(voxels, policy, given)
        return self.apply_map(map_, img, masks)

    def apply_map(self, map_: IntensityMap, img: Any, masks: Any = None) -> Any:
        """Map an image and record how.

        Args:
            map_: the map.
            img: shape ``(C, ...)``.
            masks: one for each channel, where the map sets the background.
        """
        voxels = voxels_of(img)
        result = image_of(map_.apply(voxels, masks), img)
        return self.push_transform(result, extra_info=record_map(map_))

    def inverse(self, data: Any) -> Any:
        """Bring the intensities of an image back, where this transform was the last.

        Raises:
            IntensityError: different intensities became one (clipping, background), or
                the data has other channels than the image had.
        """
        return self.undo(data, restore=self.restore is not False)

    def undo(self, data: Any, *, restore: bool) -> Any:
        """Take this transform off the record, and `restore` the intensities or not."""
        recorded = self.pop_transform(data)
        if not (restore and recorded[TraceKeys.DO_TRANSFORM]):
            return data
        try:
            back = recorded_map(recorded[TraceKeys.EXTRA_INFO]).inverse()
            return image_of(back.apply(voxels_of(data)), data)
        except IntensityError as error:
            raise IntensityError(
                f"{type(self).__name__}: {error}; with restore=False inverting leaves "
                "intensities as they are"
            ) from error

    def _find_masks(self, voxels: Any, given: Any) -> tuple[Policy, Any, Any]:
        """The masks, if the map needs them; then they need not be found again."""
        if self.policy.background is None:
            return self.policy, given, None
        masks = find_masks(voxels, self.policy, given)
        if any(mask is None for mask in masks):
            return self.policy, given, masks
        stack = torch.stack if isinstance(masks[0], torch.Tensor) else np.stack
        found = replace(self.policy, foreground="file", largest=False)
        return found, stack(masks), masks
