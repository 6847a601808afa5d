"""How each variant was trained and what it cost, from the records of its runs."""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from statistics import median

from medinorm.evidence.before_ranking.run_records import RunRecord, RunRecords
from medinorm.records.evidence import FairnessRow
from medinorm.variant import Variant

_log = logging.getLogger(__name__)


def tabulate_fairness(trained: RunRecords) -> Iterator[FairnessRow]:
    """Rows of the fairness table; a fact that no run records is absent.

    A fact on which the runs of a variant differ shows all its values.

    Args:
        trained: the records of all runs.
    """
    for variant, runs in trained.runs.items():
        records = [record for record in trained.of_variant(variant) if record]
        if len(records) < len(runs):
            _log.warning(
                "%s: %d of %d runs have a record",
                trained.names[variant],
                len(records),
                len(runs),
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


def find_unequal_training(trained: RunRecords) -> str:
    """Whether a network was trained on fewer scans than another; empty if none was.

    Its variant would be ranked for its scans, not for its normalization.

    Args:
        trained: the records of all runs.
    """
    counts: dict[str, dict[Variant, list[int]]] = {}
    for run, record in trained.known():
        count = record.get("training_scans")
        if isinstance(count, int):
            of_split = counts.setdefault(run.split, {})
            of_split.setdefault(run.variant, []).append(count)
    for split, scans in counts.items():
        fewest = min(scans, key=lambda variant: min(scans[variant]))
        least, most = min(scans[fewest]), max(map(max, scans.values()))
        if least < most:
            return (
                f"{trained.name_of(fewest)} was trained on {least} of the {most} scans "
                f"of {split} that others were trained on; leave out "
                f"{fewest.intensity}, or the scans that it cannot harmonize"
            )
    return ""


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
