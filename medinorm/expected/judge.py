"""A new scan beside those that the networks know: expected Dice, flags and reasons."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medinorm.expected.likeness.distance import Distance, TrainingDomains
from medinorm.expected.records import JudgedScanRow
from medinorm.expected.reference import Reference
from medinorm.files.names import meaning_of
from medinorm.records.scans import ScanRow

_SMALLER, _LARGER = 0.5, 2.0  # times the volumes of training scans
NO_REFERENCE = (
    "the bundle does not say what scans it knows; make it again with medinorm bundle"
)


@dataclass(frozen=True)
class SeenScan:
    """What was measured of a scan while it was segmented.

    Args:
        profile: of its intensities, see `medinorm.expected.likeness.profile`.
        texture: its noise and sharpness, see `medinorm.expected.likeness.texture`.
        features: what the deepest layer of each network saw, by the name of its
            weights.
        agreement: of the networks; ``None`` if there is one only.
        volumes: of each label, in ml.
    """

    profile: NDArray[np.float64]
    texture: NDArray[np.float64]
    features: Mapping[str, NDArray[np.float64]]
    agreement: float | None
    volumes: Mapping[int, float]


def is_known(domain: str, trained: Iterable[str]) -> bool | None:
    """Whether a domain was trained on; ``None`` if it is not told.

    Examples:
        >>> is_known("GE Signa", ["ge signa"]), is_known("GE", []), is_known("", ["GE"])
        (True, False, None)
    """
    return meaning_of(domain) in map(meaning_of, trained) if domain else None


def judge_scan(
    row: ScanRow, seen: SeenScan, reference: Reference | None, known: bool | None
) -> JudgedScanRow:
    """What to expect of a scan, and whether it is like the training scans.

    Args:
        row: the scan, with what its headers say.
        seen: what was measured.
        reference: of the bundle; ``None`` if it has none.
        known: whether its domain was trained on; ``None`` if that is not told.
    """
    if reference is None:
        empty = (None,) * 3
        return JudgedScanRow(
            *(row.scan, *empty, seen.agreement, known, *empty, *(None,) * 4),
            *(True, NO_REFERENCE),
        )
    near = _measure(reference.intensities, seen.profile)
    texture = _measure(reference.textures, seen.texture)
    deep = _measure_features(seen, reference)
    contradiction = [*_judge_agreement(seen, reference)]
    reasons = [
        *_judge_domain(known),
        *reference.acquisition.find_differences(row.identity),
        *_judge_distances(near, texture, deep),
        *contradiction,
        *_judge_volumes(seen, reference),
    ]
    # Where the study has seen nothing like a scan its line says nothing: not in the
    # domains that it left out either.
    strange = any(one is not None and one.strange for one in (near, texture, deep))
    model = None if strange or contradiction else reference.model
    expected = model.expect(seen.agreement) if model else None
    return JudgedScanRow(
        scan=row.scan,
        expected=expected.value if expected else None,
        low=expected.low if expected else None,
        high=expected.high if expected else None,
        agreement=seen.agreement,
        known=known,
        nearest=near.nearest if near else None,
        distance=near.value if near else None,
        limit=near.limit if near else None,
        texture_distance=texture.value if texture else None,
        texture_limit=texture.limit if texture else None,
        deep_distance=deep.value if deep else None,
        deep_limit=deep.limit if deep else None,
        flagged=bool(reasons),
        reasons="; ".join(reasons) or None,
    )


def _measure(
    known: TrainingDomains | None, numbers: NDArray[np.float64]
) -> Distance | None:
    """The distance of a scan; ``None`` where nothing, or something else, is known."""
    if known is None or numbers.shape != known.deviation.shape:
        return None
    return known.measure(numbers)


def _measure_features(seen: SeenScan, reference: Reference) -> Distance | None:
    """The distance by the network that is the middle one of all, over its limit."""
    distances = [
        reference.features[name].measure(numbers)
        for name, numbers in seen.features.items()
        if name in reference.features
        and numbers.shape == reference.features[name].deviation.shape
    ]
    if not distances:
        return None
    distances.sort(key=lambda one: one.value / one.limit)
    return distances[(len(distances) - 1) // 2]


def _judge_domain(known: bool | None) -> Iterator[str]:
    """A domain that was not trained on."""
    if known is False:
        yield "its domain is none that the networks were trained on"


def _judge_distances(
    near: Distance | None, texture: Distance | None, deep: Distance | None
) -> Iterator[str]:
    """Intensities, textures and features that no training scan has."""
    if near is not None and near.far:
        yield "its intensities are unlike those of all training scans"
    if texture is not None and texture.far:
        yield "its noise and sharpness are unlike those of all training scans"
    if deep is not None and deep.far:
        yield "what the networks see in it is unlike all training scans"


def _judge_agreement(seen: SeenScan, reference: Reference) -> Iterator[str]:
    """Predictions that contradict each other."""
    model = reference.model
    if model and seen.agreement is not None and seen.agreement < model.lowest:
        yield "the networks agree less than on any scan of the study"


def _judge_volumes(seen: SeenScan, reference: Reference) -> Iterator[str]:
    """Labels of a size that they do not have."""
    for label, ends in reference.volumes.items():
        volume = seen.volumes.get(label, 0.0)
        if not _SMALLER * ends.low <= volume <= _LARGER * ends.high:
            size = "smaller" if volume < ends.low else "larger"
            yield f"label {label} is much {size} than in all training scans"
