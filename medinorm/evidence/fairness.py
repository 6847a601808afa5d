"""How each variant was trained and what it cost, from the records of its runs."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from medinorm.files.atomic import read_json
from medinorm.layout import run_folder, split_runs
from medinorm.records.evidence import CaseRow, FairnessRow
from medinorm.variant import Variant, name_variants

_RECORD = "model.json"

_log = logging.getLogger(__name__)

RunRecord = Mapping[str, object]


def tabulate_fairness(cases: Sequence[CaseRow], runs: Path) -> Iterator[FairnessRow]:
    """Rows of the fairness table; a fact that no run records is absent.

    A fact on which the runs of a variant differ shows all its values.

    Args:
        cases: all cases; their runs are looked up.
        runs: folder of all trained networks.
    """
    trained_of = runs_of(cases)
    names = name_variants(trained_of)
    for variant, trained in trained_of.items():
        read = [_read_record(runs, variant, *run) for run in trained]
        records = [record for record in read if record]
        if len(records) < len(trained):
            _log.warning(
                "%s: %d of %d runs have a record",
                names[variant],
                len(records),
                len(trained),
            )
        yield FairnessRow(
            variant=variant,
            runs=len(records),
            seconds_per_step=_summarize(median, records, "seconds_per_step"),
            peak_memory_mb=_summarize(max, records, "peak_memory_mb"),
            parameters=_all_values(records, "parameters"),
            training_scans=_all_values(records, "training_scans"),
            steps=_all_values(records, "steps"),
            learning_rate=_all_values(records, "learning_rate"),
            batch_size=_all_values(records, "batch_size"),
            threads=_all_values(records, "threads"),
        )


def find_unequal_training(cases: Sequence[CaseRow], runs: Path) -> str:
    """Whether a variant was trained on fewer scans than another; empty if none was.

    Such a variant would be ranked for its scans, not for its normalization.

    Args:
        cases: all cases; their runs are looked up.
        runs: folder of all trained networks.
    """
    counts: dict[str, dict[Variant, int]] = {}
    for variant, trained in runs_of(cases).items():
        for split, seed in trained:
            count = _read_record(runs, variant, split, seed).get("training_scans")
            if isinstance(count, int):
                counts.setdefault(split, {})[variant] = count
    for split, scans in counts.items():
        fewest = min(scans, key=scans.__getitem__)
        most = max(scans.values())
        if scans[fewest] < most:
            name = name_variants(scans)[fewest]
            return (
                f"{name} was trained on {scans[fewest]} of the {most} scans of "
                f"{split} that others were trained on; leave out {fewest.intensity}, "
                "or the scans that it cannot harmonize"
            )
    return ""


def runs_of(cases: Sequence[CaseRow]) -> dict[Variant, list[tuple[str, int]]]:
    """Split and seed of the runs of each variant, in order."""
    trained: dict[Variant, set[tuple[str, int]]] = {}
    for case in cases:
        score = case.score
        trained.setdefault(score.variant, set()).add((score.split, score.seed))
    return {variant: sorted(trained[variant]) for variant in sorted(trained)}


def run_of(runs: Path, variant: Variant, split: str, seed: int) -> Path:
    """Folder of one run."""
    return run_folder(split_runs(runs, variant, split), seed)


def _read_record(runs: Path, variant: Variant, split: str, seed: int) -> RunRecord:
    """The record of one run; nothing, if it cannot be read."""
    try:
        record = read_json(run_of(runs, variant, split, seed) / _RECORD)
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _summarize(
    measure: Callable[[Sequence[float]], float], records: Sequence[RunRecord], name: str
) -> float | None:
    """One number over the runs that have it."""
    recorded = (record.get(name) for record in records)
    values = [float(value) for value in recorded if isinstance(value, int | float)]
    return measure(values) if values else None


def _all_values(records: Sequence[RunRecord], name: str) -> str:
    """The values of a fact that occur, usually one."""
    recorded = (record.get(name) for record in records)
    values = {value for value in recorded if isinstance(value, int | float | str)}
    return " / ".join(map(str, sorted(values, key=_order)))


def _order(value: float | str) -> tuple[float, str]:
    """Numbers by size, then texts by letter."""
    return (math.inf, value) if isinstance(value, str) else (value, "")
