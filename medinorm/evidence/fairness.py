"""What each variant was given and what it cost, from the records of its runs."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from medinorm.evidence.columns import FAIRNESS_FACTS, VARIANT_COLUMNS
from medinorm.files.atomic import read_json
from medinorm.layout import run_folder
from medinorm.variant import Variant

_RECORD = "model.json"

_log = logging.getLogger(__name__)

Record = Mapping[str, Any]


def tabulate_fairness(
    cases: pd.DataFrame, runs: Path
) -> Iterator[Mapping[str, object]]:
    """Rows of the fairness table; a fact that no run records is an empty cell.

    A fact on which the runs of a variant differ shows all its values.

    Args:
        cases: all cases; their runs are looked up.
        runs: folder of all trained networks.
    """
    for key, part in cases.groupby([*VARIANT_COLUMNS]):
        variant = Variant(*map(str, key))
        trained = part[["split", "seed"]].drop_duplicates()
        folder = runs / variant.intensity / variant.norm
        places = (
            run_folder(folder / split, seed) / _RECORD
            for split, seed in trained.itertuples(index=False)
        )
        records = [record for place in places if (record := _read_record(place))]
        if len(records) < len(trained):
            _log.warning(
                "%s: %d of %d runs have a record",
                variant.name,
                len(records),
                len(trained),
            )
        yield {
            **variant._asdict(),
            "runs": len(records),
            "seconds_per_step": _summarize(median, records, "seconds_per_step"),
            "peak_memory_mb": _summarize(max, records, "peak_memory_mb"),
            **{name: _all_values(records, name) for name in FAIRNESS_FACTS},
        }


def _read_record(path: Path) -> Record | None:
    """The record of one run, if it can be read."""
    try:
        record = read_json(path)
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def _summarize(
    measure: Callable[[Sequence[float]], float], records: Sequence[Record], name: str
) -> float | None:
    """One number over the runs that have it."""
    values = [float(record[name]) for record in records if record.get(name) is not None]
    return measure(values) if values else None


def _all_values(records: Sequence[Record], name: str) -> str:
    """The values of a fact that occur, usually one."""
    values = {record[name] for record in records if record.get(name) is not None}
    return " / ".join(str(value) for value in sorted(values))
