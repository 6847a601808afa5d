"""How right is the Dice that is expected of scans without labels?

    python benchmarks/expected.py RESULTS [--labels 1 2 3]

RESULTS is the folder of a finished study. For each estimator, over all variants and all
scans of domains that the networks never saw: mean absolute error, the largest error,
and for the one that the package uses how often its 90 % interval holds, how wide it is,
and the errors on each domain. No scan of a domain helps to expect anything on it.

Estimators, each on the log odds of Dice:

    mean        the mean on the other domains
    agreement   the agreement of the seeds itself (Jiang et al. 2022), nothing is fitted
    shift       agreement minus what the others lost (slope 1)
    line        through the mean of the others that the networks never saw, with the
                slope of all others, drawn towards 0: what the package uses
    sureness    a line on the mean confidence near the structures
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np

from medinorm.expected.evaluate import evaluate_variants
from medinorm.expected.model import to_log_odds
from medinorm.expected.predicted import MeasuredScan, Predictions, find_predictions
from medinorm.expected.records import ALL_DOMAINS
from medinorm.files.records import read_records
from medinorm.records.scans import SplitRow, read_scans

Estimator = Callable[[Sequence[MeasuredScan], MeasuredScan], float]


def weights_of(scans: Sequence[MeasuredScan]) -> np.ndarray:
    """Each domain has the same weight."""
    domains = [scan.row.domain for scan in scans]
    weights = np.array([1 / domains.count(domain) for domain in domains])
    return weights / weights.sum()


def dice_of(scans: Sequence[MeasuredScan]) -> np.ndarray:
    """Log odds of Dice."""
    return np.array([to_log_odds(scan.dice) for scan in scans])


def expect_mean(others: Sequence[MeasuredScan], _scan: MeasuredScan) -> float:
    """The mean on the other domains that the networks never saw."""
    unseen = [scan for scan in others if not scan.in_domain]
    return float(weights_of(unseen) @ dice_of(unseen))


def expect_agreement(_others: Sequence[MeasuredScan], scan: MeasuredScan) -> float:
    """The agreement itself."""
    return to_log_odds(scan.agreement)


def expect_shifted(others: Sequence[MeasuredScan], scan: MeasuredScan) -> float:
    """The agreement, shifted as on the other domains."""
    lost = dice_of(others) - [to_log_odds(one.agreement) for one in others]
    return to_log_odds(scan.agreement) + float(weights_of(others) @ lost)


def expect_by_sureness(others: Sequence[MeasuredScan], scan: MeasuredScan) -> float:
    """A line on the confidence."""
    x = np.array([to_log_odds(one.sureness) for one in others])
    w, y = weights_of(others), dice_of(others)
    off = x - w @ x
    slope = (w * off) @ (y - w @ y) / max((w * off) @ off, 1e-6)
    return float(w @ y + slope * (to_log_odds(scan.sureness) - w @ x))


ESTIMATORS: dict[str, Estimator] = {
    "mean": expect_mean,
    "agreement": expect_agreement,
    "shift": expect_shifted,
    "sureness": expect_by_sureness,
}


def list_errors(measured: Sequence[MeasuredScan], estimate: Estimator) -> list[float]:
    """The error on each scan of an unseen domain."""
    errors = []
    for scan in measured:
        if scan.in_domain:
            continue
        own = [one for one in measured if one.variant == scan.variant]
        others = [one for one in own if one.row.domain != scan.row.domain]
        odds = estimate(others, scan)
        errors.append(abs(1 / (1 + np.exp(-odds)) - scan.dice))
    return errors


def main() -> None:
    """Measure a finished study and print how right each estimator was."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--labels", type=int, nargs="+", default=[1, 2, 3])
    arguments = parser.parse_args()
    results = arguments.results
    start = time.process_time()
    rows = read_records(results / "splits.tsv", SplitRow)
    tables = sorted((results / "predictions").rglob("job-*.tsv"))
    scans = read_scans(results / "scans.tsv", results / "canonical")
    predictions = Predictions(scans, rows, tuple(arguments.labels))
    measured = list(predictions.measure(find_predictions(tables, rows)))
    seconds = time.process_time() - start
    unseen = sum(not scan.in_domain for scan in measured)
    if not unseen:
        raise SystemExit("no prediction of a network that left a domain out")
    print(
        f"{len(measured)} scans measured, {unseen} on unseen domains, {seconds:.1f} s"
    )
    sure = all(scan.sureness is not None for scan in measured)
    print(f"{'estimator':<12}{'error':>8}{'largest':>9}")
    for name, estimate in ESTIMATORS.items():
        if name != "sureness" or sure:
            errors = list_errors(measured, estimate)
            print(f"{name:<12}{fmean(errors):>8.3f}{max(errors):>9.3f}")
    evaluations = evaluate_variants(measured)
    known = [
        row
        for one in evaluations
        for row in one.scans
        if not row.in_domain and row.expected is not None
    ]
    errors = [abs(row.expected - row.dice) for row in known]
    held = [row.low <= row.dice <= row.high for row in known]
    width = fmean(row.high - row.low for row in known)
    print(f"{'line':<12}{fmean(errors):>8.3f}{max(errors):>9.3f}")
    print(f"90 % intervals: hold in {fmean(held):.0%}, {width:.2f} wide")
    for one in evaluations:
        for row in one.errors:
            mark = " <- all" if row.domain == ALL_DOMAINS else ""
            values = (row.error, row.error_mean, row.covered, row.width)
            texts = " ".join("  -  " if v is None else f"{v:5.3f}" for v in values)
            print(f"{one.variant.name:<34} {row.domain:<28} {texts}{mark}")


if __name__ == "__main__":
    main()
