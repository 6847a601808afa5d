"""Spatially adaptive normalization at image level: a z-score for each region."""

from collections.abc import Hashable, Mapping
from typing import Any, Unpack

from monai.config import KeysCollection

from medinorm.intensity import Policy, RegionMap, fit_regions
from medinorm.intensity.voxels.kinds import Voxels
from medinorm.transforms.intensity_transform import IntensityTransform
from medinorm.transforms.on_keys import InvertibleOnKeys
from medinorm.transforms.settings import MeasureSettings
from medinorm.transforms.torchio_images import is_of_torchio, map_torchio
from medinorm.transforms.voxels import image_voxels, mask_for, strip_metadata


class RegionNormalize(IntensityTransform):
    """Bring each region of each channel to mean 0 and standard deviation 1.

    Regions are numbered in a map that comes with the image; without one they are
    classes of intensity (multi-Otsu). The inverse needs the image on the same voxel
    grid; the region map stays in its record.

    Args:
        count: how many classes of intensity, where no region map is given.
        settings: foreground and other choices, see `MeasureSettings`.

    Examples:
        >>> import torch
        >>> scan = torch.tensor([[1.0, 3.0, 10.0, 30.0]])
        >>> halves = torch.tensor([[0, 0, 1, 1]])
        >>> RegionNormalize(foreground="image")(scan, regions=halves)
        metatensor([[-1.,  1., -1.,  1.]])
    """

    def __init__(self, count: int = 4, **settings: Unpack[MeasureSettings]) -> None:
        if others := settings.keys() - MeasureSettings.__annotations__.keys():
            raise TypeError(f"RegionNormalize takes no {', '.join(sorted(others))}")
        super().__init__(**settings)
        self.count = count

    def __call__(
        self, img: Any, mask: Voxels | None = None, regions: Voxels | None = None
    ) -> Any:
        """Map an image.

        Args:
            img: shape ``(C, ...)``; or an image or a subject of TorchIO.
            mask: of the foreground, as in `IntensityTransform`.
            regions: number of the region of each voxel, from 0 to 255: shape
                ``(C, ...)``, ``(1, ...)`` or the grid alone.

        Raises:
            IntensityError: the intensities, the mask or the region map cannot be used.
        """
        if is_of_torchio(img):
            return map_torchio(
                img, lambda voxels: strip_metadata(self(voxels, mask, regions))
            )
        voxels = image_voxels(img)
        fitted = fit_regions(
            voxels,
            self.policy,
            mask_for(voxels, mask),
            regions=mask_for(voxels, regions),
            count=self.count,
        )
        return self.apply_map(fitted, img)

    def fit(self, voxels: Voxels, policy: Policy, mask: Voxels | None) -> RegionMap:
        """The map of a scan, by classes of intensity."""
        return fit_regions(voxels, policy, mask, count=self.count)


class RegionNormalized(InvertibleOnKeys):
    """`RegionNormalize` for items of a dictionary.

    Args:
        keys: of the images.
        arguments: those of `RegionNormalize`.
        region_key: of the region map; ``None``: classes of intensity.
        options: those of `RegionNormalize` and `InvertibleOnKeys`.
    """

    array_transform = RegionNormalize

    def __init__(
        self,
        keys: KeysCollection,
        *arguments: object,
        region_key: Hashable | None = None,
        **options: Any,
    ) -> None:
        super().__init__(keys, *arguments, **options)
        self.region_key = region_key

    def options_for(self, data: Mapping[Hashable, Any]) -> dict[str, Any]:
        """The mask and the region map."""
        regions = None if self.region_key is None else data[self.region_key]
        return {**super().options_for(data), "regions": regions}
