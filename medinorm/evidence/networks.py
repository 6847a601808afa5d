"""The trained networks of a study: their weights, and what training them took."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from medinorm.columns.cases import Cases
from medinorm.files.atomic import read_json
from medinorm.files.sidecars import KEY
from medinorm.layout import run_folder, split_runs
from medinorm.records.evidence import NetworkRow
from medinorm.variant import Variant

_RECORD, _WEIGHTS = "model.json", "model.safetensors"


def tabulate_networks(cases: Cases, runs: Path) -> Iterator[NetworkRow]:
    """One row a network whose predictions were scored; what is not recorded is absent.

    Args:
        cases: all cases.
        runs: folder of all trained networks.
    """
    tested = cases[cases.runs.first]
    scores = tested.scores
    splits = scores.split.tolist()
    design_of = dict(zip(splits, tested.design.tolist(), strict=True))
    variants = [one._replace(adapt="none") for one in scores.variant.tolist()]
    trained = {*zip(variants, splits, scores.seed.tolist(), strict=True)}
    for variant, split, seed in sorted(trained):
        folder = run_folder(split_runs(runs, variant, split), seed)
        yield _describe(variant, split, seed, design_of[split], folder, runs.parent)


def _describe(
    variant: Variant, split: str, seed: int, design: str, folder: Path, results: Path
) -> NetworkRow:
    """The row of one network."""
    record = _read_record(folder)
    own = record.get(KEY)
    digest = own.get("checksum") if isinstance(own, dict) else None
    step, steps = _number(record, "seconds_per_step"), _whole(record, "steps")
    return NetworkRow(
        variant=variant,
        design=design,
        split=split,
        seed=seed,
        weights=(folder / _WEIGHTS).relative_to(results).as_posix(),
        checksum=digest if isinstance(digest, str) else None,
        training_scans=_whole(record, "training_scans"),
        steps=steps,
        seconds=None if step is None or steps is None else step * steps,
        threads=_whole(record, "threads"),
        peak_memory_mb=_number(record, "peak_memory_mb"),
        parameters=_whole(record, "parameters"),
    )


def _read_record(folder: Path) -> Mapping[str, object]:
    """The record of one run; nothing, if it cannot be read."""
    try:
        record = read_json(folder / _RECORD)
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _number(record: Mapping[str, object], name: str) -> float | None:
    """A number of a record, if it has it."""
    value = record.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value)


def _whole(record: Mapping[str, object], name: str) -> int | None:
    """A whole number of a record, if it has it."""
    value = _number(record, name)
    return int(value) if value is not None else None
