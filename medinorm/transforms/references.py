"""Reference scans: given as voxels, as files or by their statistics."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard, TypeVar, cast

import numpy as np

from medinorm.errors import IntensityError
from medinorm.files.nifti import read_volume
from medinorm.intensity import FittedMap, LinearMap, Moments, Policy, measure_foreground
from medinorm.intensity.foreground import NEEDS_MASK
from medinorm.intensity.methods.histogram import QuantileFunction
from medinorm.intensity.voxels.kinds import Voxels, is_tensor
from medinorm.transforms.fitted import read_map
from medinorm.transforms.torchio_images import is_of_torchio
from medinorm.transforms.voxels import image_voxels

MeasureT = TypeVar("MeasureT")

# An image, the path of one or of a fitted map, such a map, or what was measured.
Reference: TypeAlias = (
    Voxels
    | Path
    | str
    | FittedMap
    | Moments
    | QuantileFunction
    | Mapping[str, Sequence[float]]
)


def measure_references(
    references: object,
    policy: Policy,
    measured: type[MeasureT],
    measure: Callable[[Voxels], MeasureT],
) -> list[MeasureT]:
    """What is measured in one reference scan or in several.

    Args:
        references: an image (shape ``(C, ...)``), the path of a NIfTI file, what was
            measured in one, a fitted map or the path of its JSON file, or a list of
            these.
        policy: the foreground of the references.
        measured: type of what is measured.
        measure: measures the voxels of an image.

    Raises:
        IntensityError: there is none, or images are given whose foreground needs
            masks.
    """
    several = references if isinstance(references, list | tuple) else [references]
    if not several:
        raise IntensityError("there is no reference scan; give one or more")
    learned = [_learned(one) for one in several]
    return [
        one if isinstance(one, measured) else measure(_voxels(one, policy))
        for one in learned
    ]


def reference_moments(references: object, policy: Policy) -> list[Moments]:
    """The moments of one reference scan or of several; see `measure_references`.

    Args:
        references: as there; in place of `Moments` also their JSON form, a mapping with
            ``mean`` and ``std`` of each channel.
        policy: the foreground of the references.
    """
    several = references if isinstance(references, list | tuple) else [references]
    return measure_references(
        [_moments(one) if _is_mapping(one) else one for one in several],
        policy,
        Moments,
        lambda voxels: measure_foreground(voxels, policy),
    )


def _learned(reference: object) -> object:
    """What a fitted map was learned to match; other references as they are."""
    if isinstance(reference, str | Path) and Path(reference).suffix == ".json":
        reference = read_map(Path(reference))
    if not isinstance(reference, FittedMap):
        return reference
    if isinstance(reference.map, LinearMap):  # maps them to mean 0 and std 1
        return _moments({"mean": reference.map.offset, "std": reference.map.scale})
    return reference.map


def _is_mapping(reference: object) -> TypeGuard[Mapping[str, Sequence[float]]]:
    """Whether this is the JSON form of moments; images of TorchIO are mappings too."""
    return isinstance(reference, Mapping) and not is_of_torchio(reference)


def _moments(values: Mapping[str, Sequence[float]]) -> Moments:
    """Moments of their JSON form."""
    if values.keys() != {"mean", "std"}:
        raise IntensityError("a reference's statistics are its mean and std; give both")
    try:
        mean, std = (tuple(map(float, values[name])) for name in ("mean", "std"))
    except (TypeError, ValueError):
        raise IntensityError(
            "a reference's mean and std are lists of numbers, one for each channel"
        ) from None
    if len(mean) != len(std) or not all(one > 0 for one in std):
        raise IntensityError(
            "a reference's statistics are a mean and a positive std for each channel, "
            f"not {len(mean)} and {len(std)} of them or a std of 0 or less"
        )
    return Moments((1,) * len(mean), mean, tuple(one * one for one in std))


def _voxels(reference: object, policy: Policy) -> Voxels:
    """The voxels of a reference."""
    if policy.foreground in NEEDS_MASK:
        raise IntensityError(
            f"foreground {policy.foreground!r} needs the masks of the references; give "
            "what was measured in them, not images"
        )
    if isinstance(reference, str | Path):
        return read_volume(Path(reference)).array
    if is_of_torchio(reference):
        return image_voxels(cast("Any", reference).data)
    if not isinstance(reference, np.ndarray) and not is_tensor(reference):
        raise IntensityError(
            f"{type(reference).__name__} is no reference here; give an image "
            "(C, ...), a path or statistics"
        )
    return image_voxels(cast("Voxels", reference))
