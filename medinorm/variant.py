"""What is compared: one way to normalize and to train."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Variant(NamedTuple):
    """One level of each axis of the experiment, in the order of the folders.

    Args:
        intensity: intensity method, at image level.
        norm: normalization layer.
        augmentation: what is done to training patches at random.
        adapt: adaptation at test time.
    """

    intensity: str
    norm: str
    augmentation: str
    adapt: str

    @property
    def name(self) -> str:
        """Its levels; without an adaptation nothing is said of it.

        For readers use `name_variants`, which says no more than they need.

        Examples:
            >>> Variant("zscore", "batch", "flip", "batch_statistics").name
            'zscore + batch + flip + batch_statistics'
            >>> Variant("zscore", "instance", "flip", "none").name
            'zscore + instance + flip'
        """
        return _name(self, augmentation=True)

    def has_levels(self, wanted: str) -> bool:
        """Whether the variant has all the levels in a text.

        Examples:
            >>> Variant("zscore", "ibn", "flip", "none").has_levels("zscore + ibn")
            True
        """
        levels = wanted.replace("+", "/").replace(" ", "").split("/")
        return set(levels) <= set(self)


def name_variants(variants: Iterable[Variant]) -> Mapping[Variant, str]:
    """What variants are called in the verdict and everywhere in the report.

    The augmentation is named only where more than one is compared.

    Args:
        variants: all that are compared.

    Examples:
        >>> one = Variant("zscore", "batch", "flip", "none")
        >>> name_variants([one])[one]
        'zscore + batch'
        >>> name_variants([one, one._replace(augmentation="none")])[one]
        'zscore + batch + flip'
    """
    compared = list(variants)
    several = len({variant.augmentation for variant in compared}) > 1
    return {variant: _name(variant, augmentation=several) for variant in compared}


def _name(variant: Variant, *, augmentation: bool) -> str:
    """The levels that a reader needs."""
    levels = [variant.intensity, variant.norm]
    if augmentation:
        levels.append(variant.augmentation)
    if variant.adapt != "none":
        levels.append(variant.adapt)
    return " + ".join(levels)
