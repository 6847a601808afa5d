"""Settings that all image-level transforms share."""

from collections.abc import Iterable
from numbers import Real
from typing import Any, TypedDict, get_args

import numpy as np

from medinorm.choices import ConstantName, ForegroundName, NonfiniteName
from medinorm.intensity import Policy


class MeasureSettings(TypedDict, total=False):
    """Which voxels are measured, and what happens to scans that cannot be.

    Args:
        foreground: ``otsu`` (default: voxels above the threshold between background and
            tissue), ``image`` (all voxels), ``nonzero``, ``positive``, or ``label`` and
            ``file``: the voxels of the mask that comes with the image.
        largest: keep the largest connected part of the foreground only.
        nonfinite: ``refuse`` (default) scans with NaN or infinity, or ``ignore`` such
            voxels.
        constant: ``refuse`` (default) scans with a constant foreground, or make them
            ``zeros``.
        restore: whether inverting brings intensities back: always (``True``), never
            (``False``), or (``None``, default) unless `monai.transforms.Invertd`
            inverts, whose data are predictions.
    """

    foreground: ForegroundName
    largest: bool
    nonfinite: NonfiniteName
    constant: ConstantName
    restore: bool | None


class Settings(MeasureSettings, total=False):
    """As `MeasureSettings`, and what some voxels become.

    Args:
        background: value of the voxels outside of the foreground; ``None`` (default):
            they are mapped too.
        nonfinite_value: what NaN and infinity become, where they are ignored; ``None``
            (default): they stay.
    """

    background: float | None
    nonfinite_value: float | None


_CHOICES = {
    "foreground": ForegroundName,
    "nonfinite": NonfiniteName,
    "constant": ConstantName,
}


# What other packages call their settings.
_OF_OTHERS = {
    "nonzero": 'say foreground="nonzero", and background=0.0 to keep the zeros',
    "channel_wise": "leave it out: each channel has a map of its own, and with "
    "LayerNormalize all have one",
    "subtrahend": "use monai.transforms.NormalizeIntensity for fixed numbers",
    "divisor": "use monai.transforms.NormalizeIntensity for fixed numbers",
    "masking_method": "say foreground=..., or give a mask with foreground='file'",
    "lower": "say percentiles=(lower, upper), of `PercentileScale`",
    "upper": "say percentiles=(lower, upper), of `PercentileScale`",
}


def make_policy(**settings: Any) -> Policy:
    """The policy by these settings and the defaults.

    Examples:
        >>> make_policy(largest=True).foreground
        'otsu'

    Raises:
        ValueError: a choice is unknown, or a value is no number.
        TypeError: a setting is unknown.
    """
    known = {*Settings.__optional_keys__} - {"restore"}
    if unknown := sorted(settings.keys() - known):
        hint = _OF_OTHERS.get(unknown[0], f"known: {', '.join(sorted(known))}")
        raise TypeError(f"there is no setting {unknown[0]!r}; {hint}")
    for name, choice in _CHOICES.items():
        if name in settings:
            require_known(name, settings[name], choice)
    if not isinstance(settings.get("largest", False), bool | np.bool_):
        raise ValueError("largest must be True or False")
    for name in ("background", "nonfinite_value"):
        value = settings.get(name)
        if not (value is None or isinstance(value, Real)):
            raise ValueError(f"{name} must be a number, or None")
    return Policy(**{"foreground": "otsu", **settings})


def require_known(name: str, value: str, choice: object) -> None:
    """Refuse a value that is none of a `Literal`.

    Raises:
        ValueError: it is none of them.
    """
    known = get_args(choice)
    if value not in known:
        raise ValueError(f"{name} {value!r} is unknown; known: {', '.join(known)}")


def require_pair(name: str, values: object) -> tuple[float, float]:
    """Two numbers, such as the lower and the upper limit of a range.

    Raises:
        ValueError: they are no two numbers.
    """
    pair = tuple(values) if isinstance(values, Iterable) else ()
    if len(pair) != 2 or not all(isinstance(one, Real) for one in pair):
        raise ValueError(f"{name} must be two numbers, the lower one first")
    low, high = pair
    return low, high
