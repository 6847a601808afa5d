"""Group normalization at image level: one z-score for each group of channels."""

from collections.abc import Sequence
from typing import Unpack, cast

from medinorm.intensity import LinearMap, Policy, fit_group, name_groups
from medinorm.intensity.voxels.kinds import Voxels
from medinorm.transforms.intensity_transform import IntensityTransform
from medinorm.transforms.on_keys import InvertibleOnKeys
from medinorm.transforms.settings import Settings


class GroupNormalize(IntensityTransform):
    """Bring groups of channels to mean 0 and standard deviation 1.

    Differences between the channels of a group stay.

    Args:
        groups: the channels of each group, by position, or by name with `names`; every
            channel in one of them.
        names: of the channels, in their order.
        settings: foreground and other choices, see `Settings`.

    Raises:
        ValueError: the groups are no lists.
        IntensityError: a name is unknown; on call: the groups do not hold each channel
            once.

    Examples:
        >>> import torch
        >>> scan = torch.tensor([[4.0], [0.0], [2.0], [8.0]])
        >>> names = ["t1", "t2", "t1ce", "flair"]
        >>> groups = [["t1", "t1ce"], ["t2", "flair"]]
        >>> GroupNormalize(groups, names, foreground="image")(scan)
        metatensor([[ 1.],
                [-1.],
                [-1.],
                [ 1.]])
    """

    def __init__(
        self,
        groups: Sequence[Sequence[int]] | Sequence[Sequence[str]],
        names: Sequence[str] | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(**settings)
        if not (_is_several(groups) and all(map(_is_several, groups))):
            raise ValueError(
                "groups are lists of channels, such as [[0, 2], [1, 3]]; give names to "
                "call channels by name"
            )
        self.groups = cast("Sequence[Sequence[int]]", groups)
        if names is not None:
            self.groups = name_groups(names, cast("Sequence[Sequence[str]]", groups))

    def fit(self, voxels: Voxels, policy: Policy, mask: Voxels | None) -> LinearMap:
        """The z-scores of a scan."""
        return fit_group(voxels, self.groups, policy, mask)


def _is_several(values: object) -> bool:
    """Whether this is a sequence."""
    return isinstance(values, Sequence)


class GroupNormalized(InvertibleOnKeys):
    """`GroupNormalize` for items of a dictionary."""

    array_transform = GroupNormalize
