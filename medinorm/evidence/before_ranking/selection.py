"""Whether a choice was made on data that test: oracle selection.

A network must not be chosen by what it is tested on: not its weights, not its learning
rate. The records of a study show some of these mistakes: the table of splits, what
each training wrote down, and the tables of the search among learning rates.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from medinorm.evidence.before_ranking.run_records import (
    RunRecord,
    RunRecords,
    TrainedRun,
)
from medinorm.records.learning_rates import RateRow
from medinorm.records.scans import SplitRow
from medinorm.variant import Variant

_AGAIN = "split again and train anew"
_SELECTIONS = {"last", "validation"}


@dataclass(frozen=True)
class _Roles:
    """The domains of the training and of the validation scans of each split."""

    training: Mapping[str, set[str]]
    validation: Mapping[str, set[str]]


def find_oracle_selection(
    trained: RunRecords, splits: Sequence[SplitRow], rates: Sequence[RateRow]
) -> str:
    """Which choice saw test scans or a held-out domain; empty if none is known to.

    Args:
        trained: the records of all runs.
        splits: the roles of all scans.
        rates: the search among learning rates; empty if there was none.
    """
    roles = _Roles(_domains(splits, "train"), _domains(splits, "validation"))
    searched = {row.split for row in rates}
    reasons = (
        *(_judge_run(run, record, roles) for run, record in trained.known()),
        *(_judge_validation(split, roles, "learning rates") for split in searched),
        *_judge_rates(trained, rates),
    )
    return next(filter(None, reasons), "")


def _judge_run(run: TrainedRun, record: RunRecord, roles: _Roles) -> str:
    """Whether the network of one run saw, or was chosen on, what it must not see."""
    settings, card = _settings_of(record), record.get("card")
    trained_for = settings.get("split", run.split)
    if trained_for != run.split:
        return (
            f"a network of split {run.split} was trained for another split, whose "
            "training scans may test here; delete its run and train it again"
        )
    domains = card.get("domains", ()) if isinstance(card, Mapping) else ()
    if domains and not set(domains) <= roles.training.get(run.split, set()):
        return (
            f"a network of split {run.split} was trained on a domain that this split "
            "holds out; delete its run and train it again"
        )
    selection = record.get("selection", "last")
    if selection not in _SELECTIONS:
        return (
            f"the weights of split {run.split} were selected neither after the last "
            "step nor on validation scans, so they may have been selected on test "
            "scans; train them again"
        )
    return _judge_validation(run.split, roles, "weights") * (selection == "validation")


def _judge_validation(split: str, roles: _Roles, chosen: str) -> str:
    """Whether a choice on the validation scans of a split saw a held-out domain."""
    validation = roles.validation.get(split, set())
    held_out = sorted(validation - roles.training.get(split, set()))
    if held_out:
        return (
            f"the {chosen} of split {split} were chosen on scans of {held_out[0]}, "
            f"which it holds out; {_AGAIN}"
        )
    if not validation:
        return (
            f"the {chosen} of split {split} were chosen on validation scans, and "
            f"splits.tsv has none of them; {_AGAIN}"
        )
    return ""


def _judge_rates(trained: RunRecords, rates: Sequence[RateRow]) -> Iterator[str]:
    """Whether networks have the learning rate that was best on validation scans."""
    chosen: dict[tuple[Variant, str], float] = {}
    ordered = sorted(rates, key=lambda row: (row.variant, row.split))
    for key, group in groupby(ordered, lambda row: (row.variant, row.split)):
        rows = list(group)
        best = max((_known_dice(row) for row in rows), default=-math.inf)
        taken = [row for row in rows if row.chosen]
        if [_known_dice(row) for row in taken] != [best]:
            yield (
                f"the learning rate of {key[0].name}, {key[1]}, is not the one with "
                "the best Dice on validation scans; run choose-rate again"
            )
        else:
            chosen[key] = taken[0].rate
    for run, record in trained.known():
        rate = chosen.get((run.variant, run.split))
        if rate is not None and record.get("learning_rate", rate) != rate:
            yield (
                f"{trained.name_of(run.variant)}, {run.split}, seed {run.seed}, was "
                "not trained with the learning rate that validation scans chose; "
                "train it again"
            )


def _domains(splits: Sequence[SplitRow], role: str) -> dict[str, set[str]]:
    """The domains of the scans that have one role, by split."""
    domains: dict[str, set[str]] = {}
    for row in splits:
        if row.role == role:
            domains.setdefault(row.split, set()).add(row.domain)
    return domains


def _settings_of(record: RunRecord) -> Mapping[str, object]:
    """The settings that a network was made with; nothing where they are unknown."""
    made = record.get("medinorm")
    settings = made.get("settings") if isinstance(made, Mapping) else None
    return settings if isinstance(settings, Mapping) else {}


def _known_dice(row: RateRow) -> float:
    """Dice on validation scans; that of a training that diverged is below all."""
    return -math.inf if row.validation_dice is None else row.validation_dice
