"""Transforms by a map that was fitted on training scans."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeAlias, TypeVar, Unpack, cast

from medinorm.errors import IntensityError
from medinorm.intensity import FittedMap, IntensityMap, read_fitted
from medinorm.transforms.intensity_transform import IntensityTransform
from medinorm.transforms.settings import Settings

Fitted: TypeAlias = FittedMap | IntensityMap | Path | str
OptionT = TypeVar("OptionT")

# Names of the settings in fitted maps, also in those of the workflow.
_RECORDED = {
    "foreground": "foreground",
    "largest": "largest",
    "largest_component": "largest",
    "nonfinite": "nonfinite",
    "constant": "constant",
    "background": "background",
    "nonfinite_value": "nonfinite_value",
}


class FittedTransform(IntensityTransform):
    """Map scans by a map that was learned from other scans.

    Args:
        fitted: a fitted map, or the path of its JSON file, written by
            `medinorm.intensity.write_fitted` or by the workflow (``medinorm fit``):
            the foreground and other choices recorded there are taken. Or only the map.
            Scans must be prepared as those it was fitted on (voxel spacing, bias
            field).
        settings: see `Settings`; only those that are not recorded.

    Raises:
        ValueError: a recorded setting is given too.
        IntensityError: there is no such file, or no such map in it.
    """

    kinds: ClassVar[tuple[type, ...]] = ()

    def __init__(
        self, fitted: Fitted | None = None, **settings: Unpack[Settings]
    ) -> None:
        if fitted is None:
            raise IntensityError(
                f"{type(self).__name__} needs what was learned from training scans: "
                "give it a fitted map or its JSON file, made by `medinorm fit` or by "
                "the method's own fit function in medinorm.intensity"
            )
        source = read_map(Path(fitted)) if isinstance(fitted, str | Path) else fitted
        if isinstance(source, FittedMap):
            settings = _with_recorded(source.parameters, settings)
        super().__init__(**settings)
        # Of one of `kinds`, which each method knows.
        self.map: Any = source.map if isinstance(source, FittedMap) else source
        if self.kinds and not isinstance(self.map, self.kinds):
            known = " or ".join(kind.__name__ for kind in self.kinds)
            raise IntensityError(
                f"{type(self).__name__} needs a {known}, not a "
                f"{type(self.map).__name__}; give it the map of its own method, "
                "learned from training scans"
            )

    @property
    def reads_masks(self) -> bool:
        """Whether the foreground of a scan is needed to map it."""
        own = getattr(self.map, "background", None)
        return own is not None or super().reads_masks


def take_recorded(
    reference: object, settings: Settings
) -> tuple[object, Settings, Mapping[str, Any]]:
    """A reference, and what is recorded there if it is a fitted map or its file.

    Returns:
        The reference, the settings with those recorded, and the method's options.

    Raises:
        ValueError: a recorded setting is given too.
        IntensityError: there is no such file, or no map in it.
    """
    if isinstance(reference, str | Path) and Path(reference).suffix == ".json":
        reference = read_map(Path(reference))
    if not isinstance(reference, FittedMap):
        return reference, settings, {}
    parameters = reference.parameters
    recorded = _with_recorded(parameters, settings)
    return reference, recorded, parameters.get("options", {})


def choose_option(
    name: str, value: OptionT | None, recorded: Mapping[str, Any], default: OptionT
) -> OptionT:
    """An option as it was given, as recorded in a fitted map, or its default.

    Raises:
        ValueError: it is recorded, and given too.
    """
    if value is None:
        chosen: OptionT = recorded.get(name, default)
        return chosen
    if name in recorded:
        raise ValueError(
            f"the fitted map has {name} {recorded[name]} already; leave it out"
        )
    return value


def read_map(path: Path) -> FittedMap:
    """Read a fitted map.

    Raises:
        IntensityError: there is no such file, or no fitted map in it.
    """
    if not path.is_file():
        raise IntensityError("the file of the fitted map does not exist; fit it first")
    return read_fitted(path)


def _with_recorded(parameters: Mapping[str, Any], settings: Settings) -> Settings:
    """The settings, with those that a fitted map recorded."""
    recorded = parameters.get("policy", parameters)
    known = {name: recorded[key] for key, name in _RECORDED.items() if key in recorded}
    if both := known.keys() & settings.keys():
        raise ValueError(
            f"the fitted map has {min(both)} {known[min(both)]} already; leave it out"
        )
    return cast("Settings", {**known, **settings})
