"""The records of all trainings that a comparison rests on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from medinorm.columns.cases import Cases
from medinorm.errors import StageError
from medinorm.files.atomic import read_json
from medinorm.files.records import read_records
from medinorm.files.sidecars import is_intact
from medinorm.layout import run_folder, split_runs, status_tables
from medinorm.records.status import RunStatus
from medinorm.variant import Variant, name_variants

_RECORD = "model.json"
_WEIGHTS = "model.safetensors"

RunRecord = Mapping[str, object]


class TrainedRun(NamedTuple):
    """One training; adaptations at test time share it.

    Args:
        variant: what was trained, without an adaptation.
        split: whose training scans.
        seed: of the training.
    """

    variant: Variant
    split: str
    seed: int


@dataclass(frozen=True)
class RunRecords:
    """What is known of the trainings of a study.

    Args:
        folder: of all trained networks.
        runs: split and seed of the runs of each variant, in order.
        records: what each training wrote down; empty where that cannot be read.
    """

    folder: Path
    runs: Mapping[Variant, Sequence[tuple[str, int]]]
    records: Mapping[TrainedRun, RunRecord]

    @classmethod
    def of(cls, cases: Cases, folder: Path) -> "RunRecords":
        """The records of the networks that `cases` are predictions of."""
        runs = runs_of(cases)
        trained = dict.fromkeys(
            trained_run(variant, *run) for variant, own in runs.items() for run in own
        )
        return cls(folder, runs, {run: _read_record(folder, run) for run in trained})

    @property
    def names(self) -> Mapping[Variant, str]:
        """What each variant is called."""
        return name_variants(self.runs)

    def of_variant(self, variant: Variant) -> list[RunRecord]:
        """The records of the runs of one variant, in order."""
        return [self.records[trained_run(variant, *run)] for run in self.runs[variant]]

    def known(self) -> Iterator[tuple[TrainedRun, RunRecord]]:
        """The runs whose record can be read."""
        for run, record in self.records.items():
            if record:
                yield run, record

    def name_of(self, variant: Variant) -> str:
        """What a trained variant is called: as its adaptation, if only that was run."""
        names = self.names
        same = (v for v in names if v._replace(adapt="none") == variant)
        return names[variant if variant in names else next(same)]

    def has_weights(self, run: TrainedRun) -> bool:
        """Whether the weights of a run are those that its training wrote."""
        return is_intact(run_of(self.folder, *run) / _WEIGHTS)

    def why_failed(self, run: TrainedRun) -> str:
        """The reason that a training gave for having made no network; empty: none."""
        for table in status_tables(run_of(self.folder, *run) / _WEIGHTS):
            try:
                rows = read_records(table, RunStatus)
            except StageError:
                continue  # damaged: it says nothing
            for row in rows:
                if row.seed == run.seed and row.state == "failed":
                    return row.reason or "it failed"
        return ""


def trained_run(variant: Variant, split: str, seed: int) -> TrainedRun:
    """The training that a variant uses; adaptations at test time train nothing."""
    return TrainedRun(variant._replace(adapt="none"), split, seed)


def runs_of(cases: Cases) -> dict[Variant, list[tuple[str, int]]]:
    """Split and seed of the runs of each variant, in order."""
    trained: dict[Variant, set[tuple[str, int]]] = {}
    first, _ = cases.runs
    scores = cases.scores[first]
    columns = (scores.variant, scores.split, scores.seed)
    for variant, *run in zip(*(one.tolist() for one in columns), strict=True):
        trained.setdefault(variant, set()).add(tuple(run))
    return {variant: sorted(trained[variant]) for variant in sorted(trained)}


def run_of(runs: Path, variant: Variant, split: str, seed: int) -> Path:
    """Folder of one run."""
    return run_folder(split_runs(runs, variant, split), seed)


def _read_record(folder: Path, run: TrainedRun) -> RunRecord:
    """The record of one run; nothing, if it cannot be read."""
    try:
        record = read_json(run_of(folder, *run) / _RECORD)
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
