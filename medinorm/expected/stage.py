"""The expect stage: what Dice to expect of scans without labels, tested on the study.

It reads predictions that the study has made anyway.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from medinorm.config import TaskConfig
from medinorm.expected.evaluate import Evaluation, evaluate_variants
from medinorm.expected.predicted import Predictions, find_predictions
from medinorm.expected.records import ALL_DOMAINS, ExpectedErrorRow, ExpectedScanRow
from medinorm.files.atomic import write_json
from medinorm.files.records import read_records, write_records
from medinorm.jobs.declare import stage
from medinorm.jobs.progress import track
from medinorm.records.scans import SplitRow, read_scans

MODELS = "expected.json"

_log = logging.getLogger(__name__)


@stage("expect", after="score")
def expect_dice(
    scans: Path,
    canonical: Path,
    splits: Path,
    evidence: Path,
    *,
    predicted: Sequence[Path] = (),
    input: TaskConfig,  # noqa: A002 (the word of the configuration)
) -> None:
    """Learn which Dice to expect of scans without labels, and test it on the study.

    Networks that leave a domain out show what the agreement of several seeds says about
    Dice on a domain that they never saw. For each variant a line is fitted, and tested
    on each domain by one that was fitted without it. Writes `expected_scans.tsv`,
    `expected_errors.tsv` and `expected.json`, which a bundle takes with it.

    Args:
        scans: `scans.tsv`.
        canonical: folder of the label maps.
        splits: `splits.tsv`.
        evidence: folder to write to.
        predicted: status tables of predictions; those of other designs are not read.
        input: the labels.

    Raises:
        DamagedError: a prediction or a label map is damaged since it was made.
        StageError: a table is missing or damaged.
    """
    rows = read_records(splits, SplitRow)
    held_out = find_predictions(predicted, rows)
    values = tuple(sorted(input.named_labels))
    predictions = Predictions(read_scans(scans, canonical), rows, values)
    measured = list(predictions.measure(track(held_out, "expect")))
    write_expected(evidence, evaluate_variants(measured))


def write_expected(evidence: Path, evaluations: Sequence[Evaluation]) -> None:
    """Write the tables and the lines of all variants.

    Args:
        evidence: folder to write to.
        evaluations: one for each variant.
    """
    scans = [row for one in evaluations for row in one.scans]
    errors = [row for one in evaluations for row in one.errors]
    write_records(evidence / "expected_scans.tsv", scans, ExpectedScanRow)
    write_records(evidence / "expected_errors.tsv", errors, ExpectedErrorRow)
    models = [
        {"variant": one.variant._asdict(), **one.model.to_json()}
        for one in evaluations
        if one.model is not None
    ]
    write_json(evidence / MODELS, {"models": models})
    for row in errors:
        if row.domain == ALL_DOMAINS and row.error is not None:
            _log.info("%s: expected Dice is off by %.3f", row.variant.name, row.error)
