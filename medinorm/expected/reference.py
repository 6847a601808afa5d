"""What a bundle knows of the scans of its study, to judge a new scan by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from medinorm.expected.likeness.acquisition import Acquisition
from medinorm.expected.likeness.distance import TrainingDomains
from medinorm.expected.model import DiceModel

FORMAT = 2
_LARGEST = 1e6  # ml


class VolumeRange(NamedTuple):
    """The smallest and the largest volume of a label in training scans, in ml."""

    low: float
    high: float


@dataclass(frozen=True)
class Reference:
    """What is known of the training scans; no single scan is in it.

    Args:
        model: from agreement to Dice; ``None`` if the study could not say.
        acquisition: what their headers say.
        intensities: their profiles, see `medinorm.expected.likeness.profile`.
        textures: their noise and sharpness, see `medinorm.expected.likeness.texture`.
        features: what the deepest layer of each network sees in them, by the name of
            its weights.
        volumes: of each label.
        adapted: as `model`, of networks that were adapted to unlabelled scans of the
            domain, by the name of the adaptation.
    """

    model: DiceModel | None
    acquisition: Acquisition
    intensities: TrainingDomains | None
    textures: TrainingDomains | None = None
    features: Mapping[str, TrainingDomains] = field(default_factory=dict)
    volumes: Mapping[int, VolumeRange] = field(default_factory=dict)
    adapted: Mapping[str, DiceModel] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The reference as JSON values."""
        return {
            "format": FORMAT,
            "model": self.model.to_json() if self.model else None,
            "acquisition": self.acquisition.to_json(),
            "intensities": self.intensities.to_json() if self.intensities else None,
            "textures": self.textures.to_json() if self.textures else None,
            "features": {name: own.to_json() for name, own in self.features.items()},
            "volumes": {str(label): [*ends] for label, ends in self.volumes.items()},
            "adapted": {name: own.to_json() for name, own in self.adapted.items()},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self | None:
        """The reference that `to_json` gave; ``None`` if an earlier version wrote it.

        Raises:
            ValueError: it is none.
        """
        if values.get("format") != FORMAT:
            return None
        model, intensities = values["model"], values["intensities"]
        textures = values["textures"]
        return cls(
            model=None if model is None else DiceModel.from_json(model),
            acquisition=Acquisition.from_json(values["acquisition"]),
            intensities=TrainingDomains.from_json(intensities) if intensities else None,
            textures=TrainingDomains.from_json(textures) if textures else None,
            features={
                str(name): TrainingDomains.from_json(own)
                for name, own in values["features"].items()
            },
            volumes={
                int(label): _read_range(ends)
                for label, ends in values["volumes"].items()
            },
            adapted={
                str(name): DiceModel.from_json(own)
                for name, own in values.get("adapted", {}).items()
            },
        )


def _read_range(ends: Any) -> VolumeRange:
    """The volumes of a label.

    Raises:
        ValueError: they are none.
    """
    low, high = map(float, ends)
    if not 0 <= low <= high <= _LARGEST:
        raise ValueError("no range of volumes")
    return VolumeRange(low, high)
