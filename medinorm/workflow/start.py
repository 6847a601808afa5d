"""What is done once, when snakemake starts to work on a study."""

import fcntl
import logging
import os
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

from medinorm.config import StudyConfig
from medinorm.domain_noun import count_noun
from medinorm.errors import MedinormError, StageError
from medinorm.files.checksums import checksum_path, is_as_written, keep_edited
from medinorm.files.records import require_distinct_columns
from medinorm.files.sidecars import is_intact, sidecar_path
from medinorm.files.tables import read_table
from medinorm.jobs.turns import NO_LOCKS
from medinorm.layout import Layout, is_canonical_label
from medinorm.records.evidence import DomainRow, SummaryRow
from medinorm.records.labels import have_sides
from medinorm.records.scans import HARMONIZED_ONLY
from medinorm.records.scores import ScoreRow

LOCK_NAME = ".lock"
NO_CONFIGURATION = (
    "no configuration: give the YAML file of the study with --configfile, or put it at "
    "config/config.yaml"
)

_log = logging.getLogger(__name__)

_held: list[IO[bytes]] = []  # open until the process ends


def start_study(layout: Layout) -> None:
    """Keep other calls out, delete what an earlier version left, keep what is edited.

    Args:
        layout: where the files of the study live.

    Raises:
        StageError: another call works on the study now, or a metric has the name of a
            column.
    """
    # A metric is a column beside others: two of one name would be mixed up.
    require_distinct_columns(ScoreRow, DomainRow, SummaryRow)
    hold_results(Path(layout.results))
    discard_superseded(layout)
    keep_edited_files(Path(layout.results))


def show_if_silent(line: str, quiet: Collection[object] | None) -> None:
    """Write a line to the user that Snakemake's `--quiet all` would hide.

    Args:
        line: why nothing is done.
        quiet: what Snakemake is asked to be quiet about.
    """
    if "ALL" in {getattr(what, "name", "") for what in quiet or ()}:
        sys.stderr.write(f"{line}\n")


def keep_edited_files(results: Path) -> None:
    """Keep a copy of tables and label maps that a person changed in the results.

    Snakemake deletes the output of a job before it calls it, so that such work would be
    lost without a word. The files themselves stay: their readers refuse them.

    Args:
        results: folder of the results.
    """
    for path, vouching in _vouched_files(results):
        newer = path.stat().st_mtime_ns > vouching.stat().st_mtime_ns
        if newer and not _is_as_made(path, vouching):
            kept = keep_edited(path)
            _log.warning(
                "%s was changed since it was made and %s; the changed one is kept "
                "beside it as %s",
                *(path.name, _say_consequence(path), kept.name),
            )


def _say_consequence(path: Path) -> str:
    """What becomes of a file that a person changed."""
    columns = path.with_suffix(".parquet")
    if path.suffix == ".tsv" and columns.is_file():
        return f"the study does not read it, but {columns.name}"
    return "will be made again"


def _vouched_files(results: Path) -> Iterator[tuple[Path, Path]]:
    """Tables and label maps, each with the file that has its checksum."""
    for beside in results.rglob(checksum_path(Path("*")).name):
        path = beside.with_name(beside.name.removeprefix(".")).with_suffix("")
        if path.is_file():
            yield path, beside
    for path in results.rglob("*_dseg.nii.gz"):
        if is_canonical_label(path) and sidecar_path(path).is_file():
            yield path, sidecar_path(path)


def _is_as_made(path: Path, vouching: Path) -> bool:
    """Whether a file has the bytes that were written."""
    if vouching == checksum_path(path):
        return is_as_written(path)
    return is_intact(path)


def _count_splits(splits: Path) -> int | None:
    """How many splits a study trains on; None if that is not known, or damaged.

    A damaged table is made again by this run, which must not end here.
    """
    if not splits.exists():
        return None
    try:
        rows = read_table(splits)
        return len({row["split"] for row in rows if row["role"] != "unlabelled"})
    except MedinormError:
        return None


def count_networks(study: StudyConfig, splits: Path) -> str:
    """How many networks a study trains, in one line.

    Args:
        study: its configuration.
        splits: `splits.tsv`; without it the number of splits is not known.
    """
    experiments, rates = study.experiments, len(study.train.rates)
    searched = experiments.searched_of_split(rates)
    each = experiments.networks_of_split + searched
    factors = {
        "intensity methods": experiments.intensity,
        "norms": experiments.norm,
        "augmentations": experiments.augmentation,
        "seeds": experiments.seeds,
    }
    product = " x ".join(f"{len(values)} {word}" for word, values in factors.items())
    if searched:
        product += f" + {searched} of the search among {rates} learning rates"
    number = _count_splits(splits)
    if number == 0:
        return HARMONIZED_ONLY
    if number is None:
        return f"{each} networks for each split ({product})"
    if searched:
        product = f"({product})"
    final = _count_final(study)
    return f"{each * number} networks: {number} splits x {product}{final}"


def _count_final(study: StudyConfig) -> str:
    """How many networks train on all scans, in words; empty if none does."""
    if not study.final:
        return ""
    variants = 1 if study.final is True else len(study.choose_final(()))
    return f"; then {variants * len(study.experiments.seeds)} that train on all scans"


def find_same_networks(study: StudyConfig, splits: Path) -> list[str]:
    """Levels of an axis that train the same networks in this study, one line each.

    Args:
        study: its configuration.
        splits: `splits.tsv`; without it the domains of a split are not known.
    """
    levels = set(study.experiments.augmentation)
    lines = []
    if {"flip", "none"} <= levels and not _mirrors_sides(study):
        lines.append(
            "augmentations flip and none train the same networks: nothing is mirrored "
            "left-right here; leave one out of experiments.augmentation"
        )
    if {"style", "standard"} <= levels and (alone := _count_alone(study, splits)):
        lines.append(
            "augmentations style and standard train the same networks in "
            f"{alone} that train on one domain: there is no style of another one"
        )
    return lines


def _mirrors_sides(study: StudyConfig) -> bool:
    """Whether training may mirror left and right."""
    axes = study.train.mirror_axes
    if axes == "auto":
        return not have_sides(study.input.named_labels.values())
    return axes != "none" and "R" in axes


def _count_alone(study: StudyConfig, splits: Path) -> str:
    """The splits that train on one domain, in words; empty if none is known to."""
    try:
        rows = read_table(splits) if splits.exists() else []
    except MedinormError:
        rows = []  # damaged: made again
    domains: dict[str, set[str]] = {}
    for row in rows:
        if row.get("role") == "train":
            domains.setdefault(row["split"], set()).add(row["domain"])
    alone = sum(len(names) == 1 for names in domains.values())
    if alone:
        return count_noun(alone, "split")
    return "splits" if not rows and "single" in study.split.designs else ""


def hold_results(results: Path) -> None:
    """Keep other calls of snakemake out of a folder until this process ends.

    Snakemake's own lock is a file that stays when it is killed, and then stops the next
    call. This one belongs to the process: the system takes it away when that ends.

    Args:
        results: folder of the results; made if it is not there.

    Raises:
        StageError: another call works in it now.
    """
    results.mkdir(parents=True, exist_ok=True)
    lock = (results / LOCK_NAME).open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise StageError(
            "another snakemake works on this study now; wait until it ends, or give "
            "this study another results folder"
        ) from None
    except OSError as error:
        lock.close()
        if error.errno not in NO_LOCKS:
            raise
        _log.warning(
            "this file system knows no locks (%s); do not start two calls at once",
            os.strerror(error.errno),
        )
        return
    _held.append(lock)


def discard_superseded(layout: Layout) -> None:
    """Delete files of an earlier version, and the folders that are empty then.

    No stage reads such files, and no other code deletes them: the preview of a scan
    that is excluded later would stay in a folder that is shared. They are made again
    under their new names.

    Args:
        layout: where the files of the study live.
    """
    results = Path(layout.results)
    for pattern in layout.superseded:
        for path in results.glob(str(Path(pattern).relative_to(results))):
            path.unlink(missing_ok=True)
            _remove_empty(path.parent, results)


def _remove_empty(folder: Path, root: Path) -> None:
    """Remove a folder and those above it, as long as they are empty."""
    while folder != root and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
