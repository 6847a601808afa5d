"""Windows and limits in Hounsfield units."""

from medinorm.intensity import LinearMap, Policy, clip_map, window_map
from medinorm.intensity.voxels.kinds import Voxels
from medinorm.transforms.intensity_transform import IntensityTransform
from medinorm.transforms.on_keys import InvertibleOnKeys
from medinorm.transforms.voxels import require_all_finite


class ClipIntensity(IntensityTransform):
    """Clip intensities, such as CT's padding of -2000 HU and metal.

    Clipping has no inverse: `inverse` refuses images, unless ``restore=False`` leaves
    them as they are.

    Args:
        low: lowest intensity that stays.
        high: highest intensity that stays.
        restore: see `MeasureSettings`.

    Raises:
        IntensityError: the limits do not rise; on call: voxels are NaN or infinite.

    Examples:
        >>> import torch
        >>> ClipIntensity(-1000, 1000)(torch.tensor([[-2000, 40]]))
        metatensor([[-1000.,    40.]])
    """

    measures = False

    def __init__(self, low: float, high: float, *, restore: bool | None = None) -> None:
        super().__init__(foreground="image", restore=restore)
        self.low, self.high = float(low), float(high)
        clip_map(low, high, 1)

    def fit(self, voxels: Voxels, policy: Policy, mask: Voxels | None) -> LinearMap:
        """The same map for every scan."""
        del policy, mask
        require_all_finite(voxels)
        return clip_map(self.low, self.high, len(voxels))


class ClipIntensityd(InvertibleOnKeys):
    """`ClipIntensity` for items of a dictionary."""

    array_transform = ClipIntensity


class WindowIntensity(IntensityTransform):
    """Bring the edges of a CT window to 0 and 1, and clip what is beyond.

    Clipping has no inverse: `inverse` refuses images, unless ``restore=False`` leaves
    them as they are.

    Args:
        center: middle of the window, in HU.
        width: from edge to edge, in HU, positive.
        restore: see `MeasureSettings`.

    Raises:
        IntensityError: the width is not positive; on call: voxels are NaN or infinite.

    Examples:
        >>> import torch
        >>> WindowIntensity(center=40, width=400)(torch.tensor([[-1024, 40, 3000]]))
        metatensor([[0.0000, 0.5000, 1.0000]])
    """

    measures = False

    def __init__(
        self, center: float, width: float, *, restore: bool | None = None
    ) -> None:
        super().__init__(foreground="image", restore=restore)
        self.center, self.width = float(center), float(width)
        window_map(center, width, 1)

    def fit(self, voxels: Voxels, policy: Policy, mask: Voxels | None) -> LinearMap:
        """The same map for every scan."""
        del policy, mask
        require_all_finite(voxels)
        return window_map(self.center, self.width, len(voxels))


class WindowIntensityd(InvertibleOnKeys):
    """`WindowIntensity` for items of a dictionary."""

    array_transform = WindowIntensity
