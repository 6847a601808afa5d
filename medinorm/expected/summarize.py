"""The training scans of a study, summarized for its bundle."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from medinorm.damage import require_unchanged
from medinorm.expected.likeness.acquisition import Acquisition
from medinorm.expected.likeness.distance import Numbers, TrainingDomains
from medinorm.expected.likeness.profile import profile_image
from medinorm.expected.likeness.texture import measure_texture
from medinorm.expected.model import DiceModel
from medinorm.expected.reference import VolumeRange
from medinorm.files.atomic import read_json
from medinorm.files.nifti import read_volume
from medinorm.layout import harmonized_paths
from medinorm.records.scans import ScanRow, SplitRow
from medinorm.variant import Variant

SCANS_READ = 40  # of each domain
# Shares of the scans of known scanners that are flagged for one of three measures: 5 %
# in all. Texture tells scanners apart best, so it has the largest.
TEXTURE_ALARMS = 0.025
OTHER_ALARMS = 0.0125
ALL_ALARMS = TEXTURE_ALARMS + 2 * OTHER_ALARMS
_MODELS = "expected.json"


def choose_training(rows: Iterable[SplitRow], most: int = SCANS_READ) -> list[SplitRow]:
    """Some training scans of each domain, at even distances among all.

    Args:
        rows: of one split.
        most: of each domain.
    """
    of_domain: dict[str, list[SplitRow]] = {}
    for row in rows:
        if row.role == "train":
            of_domain.setdefault(row.domain, []).append(row)
    return [
        own[index * len(own) // count]
        for own in of_domain.values()
        for count in [min(len(own), most)]
        for index in range(count)
    ]


def read_model(evidence: Path, variant: Variant) -> DiceModel | None:
    """The line that a study fitted for a variant; ``None`` if it has none.

    Args:
        evidence: folder of the comparison's tables.
        variant: the variant.
    """
    path = evidence / _MODELS
    if not path.exists():
        return None
    for values in read_json(path)["models"]:
        if values["variant"] == variant._asdict():
            return DiceModel.from_json(values)
    return None


def summarize_acquisition(
    scans: Iterable[ScanRow], rows: Iterable[SplitRow]
) -> Acquisition:
    """What the headers of all training scans say.

    Args:
        scans: of `scans.tsv`.
        rows: of one split.
    """
    trained = {row.scan for row in rows if row.role == "train"}
    return Acquisition.of(scan.identity for scan in scans if scan.scan in trained)


def summarize_images(
    rows: Sequence[SplitRow], harmonized: Path
) -> tuple[TrainingDomains | None, TrainingDomains | None]:
    """The profiles and the textures of some harmonized training scans.

    Args:
        rows: those scans.
        harmonized: folder of the harmonized scans of their split.
    """
    profiles: dict[str, list[Numbers]] = {}
    textures: dict[str, list[Numbers]] = {}
    for row in rows:
        path, _ = harmonized_paths(harmonized, row.scan)
        volume = read_volume(require_unchanged(path), mmap=True)
        profile = profile_image(volume.array, volume.spacing)
        profiles.setdefault(row.domain, []).append(profile)
        textures.setdefault(row.domain, []).append(measure_texture(volume.array))
    subjects = group_subjects(rows)
    return (
        TrainingDomains.of(profiles, subjects, OTHER_ALARMS),
        TrainingDomains.of(textures, subjects, TEXTURE_ALARMS),
    )


def group_subjects(rows: Iterable[SplitRow]) -> Mapping[str, list[str]]:
    """The subject of each scan, by domain, in the order of the scans."""
    subjects: dict[str, list[str]] = {}
    for row in rows:
        subjects.setdefault(row.domain, []).append(row.subject)
    return subjects


def measure_ranges(
    rows: Sequence[SplitRow], harmonized: Path, labels: Iterable[int]
) -> Mapping[int, VolumeRange]:
    """The smallest and the largest volume of each label in some training scans.

    Args:
        rows: those scans.
        harmonized: folder of the harmonized scans of their split.
        labels: values of the labels.
    """
    volumes: dict[int, list[float]] = {label: [] for label in labels}
    for row in rows:
        _, path = harmonized_paths(harmonized, row.scan)
        truth = read_volume(require_unchanged(path), mmap=True)
        counts = np.bincount(truth.array.astype(np.uint8).ravel(), minlength=256)
        voxel = float(np.prod(truth.spacing)) / 1000
        for label, own in volumes.items():
            own.append(int(counts[label]) * voxel)
    return {
        label: VolumeRange(min(own), max(own)) for label, own in volumes.items() if own
    }
