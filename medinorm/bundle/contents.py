"""What a bundle holds, and how it is read without trusting it.

A bundle may come from a stranger. Weights are safetensors, all else is JSON whose
entries are checked; `inference.json`, which MONAI would evaluate, is compared with what
medinorm writes and never evaluated here.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, get_args

from safetensors import SafetensorError
from safetensors.torch import load_model
from torch import nn

from medinorm import __version__
from medinorm.choices import FITTED_INTENSITIES, IntensityName
from medinorm.config import HarmonizeConfig, PredictConfig, TaskConfig
from medinorm.config.section import parse_section
from medinorm.errors import MedinormError, StageError
from medinorm.expected.reference import Reference
from medinorm.files.atomic import checksum, read_json
from medinorm.intensity import FittedMap, read_fitted
from medinorm.layers.registry import DECLARATIONS
from medinorm.method_names import check_norm_options
from medinorm.train.model import ModelCard

FORMAT = 1
KEY = "medinorm"  # in metadata.json
METADATA = Path("configs", "metadata.json")
INFERENCE = Path("configs", "inference.json")
INTENSITY_MAP = Path("configs", "intensity_map.json")
LICENCE = Path("LICENSE")  # as MONAI calls it
MODELS = Path("models")

ALLOWED_TARGETS = frozenset(
    {
        "medinorm.config.IngestConfig",
        "medinorm.config.NetworkConfig",
        "medinorm.segment.stage.segment_scans",
        "medinorm.train.networks.build.build_network",
    }
)
"""What `_target_` may name in the inference.json of a bundle."""
ALLOWED_EXPRESSIONS = frozenset({"$@segmenter()"})
"""What MONAI may evaluate in it."""

_EXECUTED = frozenset({"imports", "_requires_", "initialize", "finalize"})
_WEIGHTS = re.compile(r"seed-\d{1,9}\.safetensors")
_LARGEST = 1 << 24  # bytes of a JSON file
_FINEST = 0.01  # mm
_LONGEST = 64  # characters of the name of a column
_MOST = 10_000  # of anything that is counted
_LARGEST_LABEL = 255  # label maps have one byte a voxel
_PATCH_VOXELS = 1 << 27
_VERSION = re.compile(r"\d{1,4}(\.[0-9a-z]{1,8}){0,4}")
_WRONG = (
    *(AttributeError, KeyError, TypeError, ValueError),
    *(MedinormError, OverflowError, RecursionError),
)


class CodeError(StageError):
    """A bundle names code that is not medinorm's."""


@dataclass(frozen=True)
class BundleContents:
    """All that is needed to segment a new scan, but for the weights.

    Args:
        card: the network.
        harmonize: grid, foreground and the options of the intensity method.
        predict: how the network is applied, tile by tile.
        labels: value and name of each label.
        weights: checksum of each file of weights, by its name.
        domain: columns that define the training domains.
        fitted: the map of an intensity method that learns.
        reference: what new scans are judged by; bundles of earlier versions have none.
    """

    card: ModelCard
    harmonize: HarmonizeConfig
    predict: PredictConfig
    labels: Mapping[int, str]
    weights: Mapping[str, str]
    domain: tuple[str, ...]
    fitted: FittedMap | None = field(default=None)
    reference: Reference | None = field(default=None)

    @property
    def intensity(self) -> IntensityName:
        """The intensity method.

        Raises:
            ValueError: there is no such method.
        """
        known: tuple[IntensityName, ...] = get_args(IntensityName)
        return known[known.index(self.card.intensity)]

    def to_json(self) -> dict[str, Any]:
        """The contents as JSON values; the fitted map is a file of its own."""
        return {
            "format": FORMAT,
            "card": self.card.to_json(),
            "harmonize": self.harmonize.used_by(self.intensity).model_dump(mode="json"),
            "predict": self.predict.model_dump(mode="json"),
            "labels": {str(value): name for value, name in self.labels.items()},
            "weights": dict(self.weights),
            "domain": list(self.domain),
            "reference": self.reference.to_json() if self.reference else None,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any], fitted: FittedMap | None) -> Self:
        """The contents that `to_json` gave.

        Raises:
            ValueError: they contradict each other.
        """
        read = cls(
            card=ModelCard.from_json(values["card"]),
            harmonize=parse_section(HarmonizeConfig, values["harmonize"]),
            predict=parse_section(PredictConfig, values["predict"]),
            labels={int(value): str(name) for value, name in values["labels"].items()},
            weights={str(name): str(sum_) for name, sum_ in values["weights"].items()},
            domain=tuple(list[Any](values["domain"])),
            fitted=fitted,
            reference=Reference.from_json(values["reference"])
            if values.get("reference")
            else None,
        )
        read._check()
        return read

    def _check(self) -> None:
        """Refuse contents that no study could have made.

        Raises:
            ValueError: they are refused.
        """
        learned = self.intensity in FITTED_INTENSITIES
        if (
            self.card.norm not in DECLARATIONS
            or set(self.card.label_values) != self.labels.keys()
            or learned != (self.fitted is not None)
            or not self.weights
            or not all(map(_WEIGHTS.fullmatch, self.weights))
            or self.harmonize.masks is not None
            or min(self.harmonize.spacing) < _FINEST
            or not all(_is_column(name) for name in self.domain)
        ):
            raise ValueError("contradictory contents")
        _check_card(self.card)
        labels = {str(value): name for value, name in self.labels.items()}
        channels = list(self.card.channels)
        parse_section(TaskConfig, {"channels": channels, "label_values": labels})


def _is_column(name: object) -> bool:
    """Whether something may be the name of a column of a table."""
    return isinstance(name, str) and name.isprintable() and 0 < len(name) <= _LONGEST


def _check_card(card: ModelCard) -> None:
    """Refuse numbers that no study writes; a huge one would fill the memory.

    Raises:
        ValueError: they are refused.
    """
    counts = (*card.label_values, *card.patch, card.shots, card.batch_size)
    if (
        any(type(number) is not int for number in (*counts, *card.mirror_axes))
        or any(not 1 <= number <= _MOST for number in counts)
        or max(card.label_values) > _LARGEST_LABEL
        or math.prod(card.patch) > _PATCH_VOXELS
        or not set(card.mirror_axes) <= {0, 1, 2}
        or not 0 <= float(card.foreground_ratio) <= 1
        or not all(isinstance(name, str) for name in (*card.domains, *card.channels))
        or max(card.network.channels) > _MOST
    ):
        raise ValueError("impossible numbers")
    check_norm_options(card.norm, card.norm_options)


def read_bundle(folder: Path) -> BundleContents:
    """Read what a bundle holds, without its weights; nothing in it is run.

    Args:
        folder: the bundle.

    Raises:
        StageError: it is no bundle of medinorm, is damaged, or names code to run.
    """
    metadata = _read_object(folder / METADATA)
    record = metadata.get(KEY)
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise StageError(
            f"{METADATA.name}: this is no bundle that this version of medinorm can "
            f"use{_say_version(metadata)}; make it again with medinorm bundle"
        )
    inference = _read_object(folder / INFERENCE)
    try:
        _refuse_code(inference)
        path = folder / INTENSITY_MAP
        if path.is_file() and path.stat().st_size > _LARGEST:
            raise ValueError(path.name)
        fitted = read_fitted(path) if path.is_file() else None
        return BundleContents.from_json(record, fitted)
    except CodeError:
        raise
    except _WRONG:
        raise StageError(
            f"{METADATA.name}: its entries are not those that medinorm writes"
            f"{_say_version(metadata)}; make the bundle again"
        ) from None


def _say_version(metadata: Mapping[str, Any]) -> str:
    """Which other version of medinorm made a bundle, if it says that.

    Examples:
        >>> _say_version({"required_packages_version": {"medinorm": "99.0"}})[:25]
        ' (medinorm 99.0 made it, '
        >>> _say_version({"required_packages_version": {"medinorm": "/home/jane"}})
        ''
    """
    versions = metadata.get("required_packages_version")
    made = versions.get("medinorm") if isinstance(versions, dict) else None
    shown = isinstance(made, str) and _VERSION.fullmatch(made) and made != __version__
    return f" (medinorm {made} made it, this is {__version__})" if shown else ""


def read_networks(folder: Path, contents: BundleContents) -> tuple[nn.Module, ...]:
    """The networks of all seeds, in evaluation mode.

    Raises:
        StageError: weights are missing, were changed, or belong to another network.
    """
    return tuple(
        _read_network(folder / MODELS / name, digest, contents.card)
        for name, digest in sorted(contents.weights.items())
    )


def _read_network(path: Path, digest: str, card: ModelCard) -> nn.Module:
    """The network of one seed."""
    if not path.is_file() or checksum(path) != digest:
        raise StageError(
            f"{path.name}: the weights are missing or are not those that were bundled; "
            "copy the bundle again"
        )
    try:
        network = card.build()
        load_model(network, path, device="cpu")
    except (SafetensorError, RuntimeError, TypeError, ValueError):
        raise StageError(
            f"{path.name}: the weights do not fit the network of the bundle; make it "
            "again"
        ) from None
    return network.eval()


def _read_object(path: Path) -> dict[str, Any]:
    """The entries of a JSON file of a bundle.

    Raises:
        StageError: there are none.
    """
    try:
        # Of a pipe or a device nobody knows how long it is.
        if not path.is_file() or path.stat().st_size > _LARGEST:
            raise ValueError(path.name)
        values = read_json(path)
    except (OSError, ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise StageError(
            f"{path.name}: missing or no JSON in the bundle; name the folder that "
            "medinorm bundle wrote"
        )
    return values


def _refuse_code(values: Mapping[str, Any]) -> None:
    """Refuse a bundle whose inference.json names other code than medinorm writes.

    Raises:
        CodeError: it does.
    """
    for key, value in _entries(values):
        text = value if isinstance(value, str) else json.dumps(value)
        code = key == "_target_" and text not in ALLOWED_TARGETS
        mode = key == "_mode_" and text != "callable"
        evaluated = "$" in text and text not in ALLOWED_EXPRESSIONS
        included = text.startswith("%")  # another file
        if code or mode or evaluated or included or text in _EXECUTED:
            raise CodeError(
                f"{INFERENCE.name}: names code that is not medinorm's; do not use this "
                "bundle unless you know who made it"
            )


def _entries(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """All single values of JSON, each with its key, and all keys without one."""
    if isinstance(value, Mapping):
        yield from (("", str(inner)) for inner in value)
        for inner, own in value.items():
            yield from _entries(own, str(inner))
    elif isinstance(value, list):
        for own in value:
            yield from _entries(own, key)
    else:
        yield key, value
