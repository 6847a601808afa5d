"""How each variant was trained and what it cost, from the records of its runs."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median

from medinorm.files.atomic import read_json
from medinorm.layout import run_folder, split_runs
from medinorm.records.evidence import CaseRow, FairnessRow
from medinorm.variant import Variant

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
    trained: dict[Variant, set[tuple[str, int]]] = {}
    for case in cases:
        score = case.score
        trained.setdefault(score.variant, set()).add((score.split, score.seed))
    for variant in sorted(trained):
        of_split = partial(
            split_runs, runs, intensity=variant.intensity, norm=variant.norm
        )
        places = (
            run_folder(of_split(split=split), seed) / _RECORD
            for split, seed in sorted(trained[variant])
        )
        records = [record for place in places if (record := _read_record(place))]
        if len(records) < len(trained[variant]):
            _log.warning(
                "%s: %d of %d runs have a record",
                variant.name,
                len(records),
                len(trained[variant]),
            )
        yield FairnessRow(
            variant=variant,
            runs=len(records),
            seconds_per_step=_summarize(median, records, "seconds_per_step"),
            peak_memory_mb=_summarize(max, records, "peak_memory_mb"),
            parameters=_all_values(records, "parameters"),
            steps=_all_values(records, "steps"),
            learning_rate=_all_values(records, "learning_rate"),
            batch_size=_all_values(records, "batch_size"),
            augmentation=_all_values(records, "augmentation"),
            threads=_all_values(records, "threads"),
        )


def _read_record(path: Path) -> RunRecord | None:
    """The record of one run, if it can be read."""
    try:
        record = read_json(path)
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


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
