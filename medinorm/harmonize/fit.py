"""Maps that are learned from the training scans of one split, and from no others."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medinorm.choices import FITTED_INTENSITIES, IntensityName
from medinorm.config import AutoHarmonizeConfig, HarmonizeConfig
from medinorm.errors import DamagedError, IntensityError, ScanError, StageError
from medinorm.files.machine import pass_on_machine_fault
from medinorm.files.records import read_records
from medinorm.harmonize.sample import read_sample
from medinorm.intensity import FittedMap, hash_scans, read_fitted, write_fitted
from medinorm.intensity.method import LearnedMethod, make_learned
from medinorm.jobs.declare import stage
from medinorm.jobs.progress import track
from medinorm.jobs.shards import place_of
from medinorm.layout import is_made_by_fit
from medinorm.records.scans import (
    Role,
    Scan,
    SplitRow,
    is_harmonized_only,
    read_scans,
)
from medinorm.training_plan.resolve import resolve_harmonize

_log = logging.getLogger(__name__)


@stage("fit", after="split")
def fit_intensity(  # noqa: PLR0913  (one argument a flag)
    scans: Path,
    canonical: Path,
    splits: Path,
    fitted: Path,
    *,
    intensity: IntensityName,
    split: str,
    training_plan: Path | None = None,
    settings: AutoHarmonizeConfig,
) -> None:
    """Fit an intensity method on the training scans of one split; write it as JSON.

    Validation and test scans are never read. A training scan that cannot be measured is
    left out and named in the map; so is a constant one, whatever `settings` say:
    nothing can be learned from it.

    Args:
        scans: `scans.tsv`.
        canonical: folder to which its paths are relative.
        splits: `splits.tsv`.
        fitted: the fitted map to write.
        intensity: the method.
        split: its training scans are used.
        training_plan: the study's plan, where it decides the spacing.
        settings: grid, foreground and the methods' parameters.

    Raises:
        ConfigError: the spacing is `auto` and there is no plan.
        OSError: a disk is full or does not answer.
        MemoryError: there is not enough.
        StageError: the method has nothing to fit, no map can be fitted, or a scan is
            damaged since it was ingested.
    """
    if intensity not in FITTED_INTENSITIES:
        known = ", ".join(sorted(FITTED_INTENSITIES))
        raise StageError(f"{intensity} has nothing to fit; methods that have: {known}")
    resolved = resolve_harmonize(settings, training_plan)
    table = read_scans(scans, canonical)
    training = scans_to_fit(read_records(splits, SplitRow), split)
    method = make_learned(intensity, resolved.intensity_options.of(intensity))
    chosen = [table[scan] for scan in method.choose(training)]
    learned = learn_map(chosen, intensity=intensity, split=split, settings=resolved)
    write_fitted(learned, fitted)


def learn_map(
    scans: Sequence[Scan],
    *,
    intensity: IntensityName,
    split: str,
    settings: HarmonizeConfig,
) -> FittedMap:
    """Learn the map of an intensity method; scans that cannot be measured are left out.

    Args:
        scans: to learn from.
        intensity: a method that learns.
        split: whose training scans they are.
        settings: grid, foreground and the methods' parameters.

    Raises:
        OSError: a disk is full or does not answer.
        MemoryError: there is not enough.
        StageError: nothing can be learned from them, or one is damaged.
    """
    method = make_learned(intensity, settings.intensity_options.of(intensity))
    measured = {}
    for scan in track(scans, f"fit {intensity} on {split}"):
        try:
            measured[scan.scan] = _measure(scan, method, settings)
        except Exception as error:
            _log.warning("%s is left out: %s", scan.scan, _reason(error))
    try:
        learned = method.fit(list(measured.values()))
    except IntensityError as error:
        raise StageError(
            f"{intensity} cannot be fitted on {len(measured)} training scans of "
            f"{split!r}: {error}"
        ) from error
    left_out = [scan.scan for scan in scans if scan.scan not in measured]
    record = settings.record(intensity, fitting=True)
    return FittedMap(
        method=intensity,
        parameters={"split": split, "left_out": left_out, **record},
        scans=len(measured),
        fitted_on=hash_scans(measured),
        map=learned,
    )


def read_map_of(
    fitted: Path,
    splits: Path,
    *,
    intensity: IntensityName,
    split: str,
    settings: HarmonizeConfig,
) -> FittedMap:
    """Read a fitted map, if it was learned from training scans of this split only.

    Args:
        fitted: the map.
        splits: `splits.tsv`.
        intensity: the method that it must belong to.
        split: the split that it must belong to.
        settings: it must have been fitted with these.

    Raises:
        DamagedError: the file is damaged; in a study it is deleted.
        StageError: it was fitted on other scans, by another method or with other
            settings.
    """
    try:
        learned = read_fitted(fitted)
    except IntensityError as error:
        if is_made_by_fit(fitted):  # then the next run makes it again
            fitted.unlink(missing_ok=True)
        raise DamagedError(f"{fitted.name}: {error}") from error
    recorded = learned.parameters
    left_out = set(recorded.get("left_out", ()))
    wanted = {"split": split, **settings.record(intensity, fitting=False)}
    shared = wanted.keys() & recorded.keys()
    if learned.method != intensity or any(wanted[k] != recorded[k] for k in shared):
        raise StageError(
            f"{fitted.name} was fitted for another split, by another method or with "
            "other settings; fit it again"
        )
    roles = read_records(splits, SplitRow)
    training = scans_to_fit(roles, split)
    _require_apart(roles, split)
    method = make_learned(intensity, settings.intensity_options.of(intensity))
    chosen = method.choose(training)
    used = [scan for scan in chosen if scan not in left_out]
    if left_out - set(chosen) or learned.fitted_on != hash_scans(used):
        raise StageError(
            f"{fitted.name} was not fitted on the training scans of {split!r}: it may "
            "know test scans; fit it again"
        )
    return learned


def scans_to_fit(splits: Sequence[SplitRow], split: str) -> list[str]:
    """Ids of the training scans of a split; of all, where no scan has a label map.

    Raises:
        StageError: the split is unknown, or has no training scan.
    """
    role: Role = "unlabelled" if is_harmonized_only(splits) else "train"
    return scans_of(splits, split, role)


def scans_of(splits: Sequence[SplitRow], split: str, role: Role) -> list[str]:
    """Ids of the scans with a role in a split, sorted.

    Raises:
        StageError: the split is unknown, or has no training scan.
    """
    names = sorted({row.split for row in splits})
    if split not in names:
        raise StageError(f"split {split!r} is unknown; known: {', '.join(names)}")
    chosen = [row.scan for row in splits if row.split == split and row.role == role]
    if role == "train" and not chosen:
        raise StageError(f"split {split!r} has no training scan; add subjects")
    return sorted(chosen)


def _measure(
    scan: Scan, method: LearnedMethod[Any, Any], settings: HarmonizeConfig
) -> Any:
    """What a method remembers of one training scan."""
    strict = settings.model_copy(update={"constant": "refuse"})
    return method.measure(read_sample(scan, strict, masked=True))


def _reason(error: Exception) -> str:
    """Why a scan is left out, in words that hold no patient data.

    Raises:
        Exception: the same, if the machine is at fault and not the scan.
    """
    if isinstance(error, ScanError):
        return str(error)
    pass_on_machine_fault(error)
    return f"unexpected error, please report it: {place_of(error)}"


def _require_apart(splits: Sequence[SplitRow], split: str) -> None:
    """Refuse a split in which a subject trains and tests.

    Raises:
        StageError: there is such a subject.
    """
    subjects: dict[str, set[str]] = {"train": set(), "test": set()}
    for row in splits:
        if row.split == split and row.role in subjects:
            subjects[row.role].add(row.subject)
    if both := subjects["train"] & subjects["test"]:
        raise StageError(
            f"{len(both)} subjects train and test in split {split!r}; split again"
        )
