"""Are the intervals, claims and powers of a study what they say they are?

    python benchmarks/statistics.py [--studies N] [--mixed N] [--seed N] [--only WORD]

Studies are simulated whose truth is known (`studies.py`), evidence is made of each by
the functions that the workflow calls, and the table says how often it was right, beside
the range that is wanted. Below, what others do with the same scores
(`statistics_peers.py`). Everything runs in one process; without `--seed` the seed is
fixed.
"""

# ruff: noqa: E402  (this file must step aside before anything is imported)
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path

_HERE = Path(__file__).resolve().parent
if __name__ == "statistics":
    # Scripts of this folder find this file when they, or a library, ask for the
    # module of the standard library. It is given to them.
    _spec = PathFinder.find_spec(
        "statistics", [place for place in sys.path if Path(place).resolve() != _HERE]
    )
    sys.modules["statistics"] = module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules["statistics"])
elif __name__ == "__main__":
    sys.path = [place for place in sys.path if Path(place).resolve() != _HERE]
    sys.path.append(str(_HERE))

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import statistics_peers as peers
from studies import Setting, SimulatedStudy, Simulator

from medinorm.evidence.differences import tabulate_differences, tabulate_ranking
from medinorm.evidence.summary import tabulate_summary
from medinorm.records.evidence import DifferenceRow, RankingRow, SummaryRow

Measured = dict[str, float]
Lists = defaultdict[str, list[float]]

MARGIN = 0.01

CENTRAL = Setting("4 variants, 3 x 6 subjects, 3 seeds")
FIVE = replace(CENTRAL, name="4 variants, 3 x 6 subjects, 5 seeds", seeds=5)
SIX = Setting("4 variants, 6 x 10 subjects, 3 seeds", subjects=(10,) * 6)
TWO = Setting("2 variants, 2 x 3 subjects, 3 seeds", variants=2, subjects=(3, 3))
LARGE = Setting(
    "8 variants, 6 x 30 subjects, 5 seeds", variants=8, subjects=(30,) * 6, seeds=5
)
LARGE_3 = replace(LARGE, name="8 variants, 6 x 30 subjects, 3 seeds", seeds=3)
UNEQUAL = replace(FIVE, name="unequal n: 3, 10 and 30 subjects", subjects=(3, 10, 30))
CEILING = Setting(
    "ceiling: Dice 0.93", level=0.93, domain=0.02, subject=0.03, network=0.01
)
CEILING_LARGE = replace(
    CEILING, name="ceiling, 8 variants, 6 x 30", variants=8, subjects=(30,) * 6
)
HARD = Setting("failures on 10 % hard subjects, 6 each", hard=0.1, failures=0.01)
FAILURES = replace(CENTRAL, name="5 % failures", failures=0.05)
NEW_SCANNERS = replace(
    CENTRAL,
    name="domain x variant 0.02",
    domain_variant=0.02,
)
MORE_SCANNERS = replace(
    SIX, name="domain x variant 0.02, 6 domains", domain_variant=0.02
)
MANY_SCANNERS = replace(
    LARGE, name="domain x variant 0.02, 8 variants, 6 x 30", domain_variant=0.02
)
ONE_BETTER = replace(CENTRAL, name="one better by 0.02").with_shifts(0.02)
ONE_BETTER_8 = replace(LARGE_3, name="one of 8 better by 0.02").with_shifts(0.02)
AT_MARGIN = replace(LARGE_3, name="differences of exactly 0.01").with_shifts(-MARGIN)
BEYOND = replace(LARGE, name="differences of 0.05, networks 0.01", network=0.01)
BEYOND = BEYOND.with_shifts(-0.05)
BARELY = replace(LARGE, name="differences of 0.012, networks alike", network=0.004)
BARELY = replace(BARELY, subject_variant=0.005, seed_variant=0.002).with_shifts(-0.012)


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Args:
        what: the statement.
        setting: of the studies.
        measured: which of the measured quantities.
        low: least value that is wanted.
        high: largest.
    """

    what: str
    setting: Setting
    measured: str
    low: float
    high: float


MEAN, WINNER = "interval of a mean", "interval of the winner"
FALSE = "any false better/worse"
ROWS = (
    *(Row(MEAN, s, "mean.cover", 0.92, 0.98) for s in (CENTRAL, FIVE, SIX, TWO)),
    *(Row(MEAN, s, "mean.cover", 0.92, 0.99) for s in (LARGE, UNEQUAL)),
    Row(MEAN, CEILING, "mean.cover", 0.92, 0.99),
    *(Row(MEAN, s, "mean.cover", 0.90, 0.99) for s in (HARD, FAILURES)),
    *(
        Row(WINNER, s, "winner.cover", 0.92, 0.98)
        for s in (CENTRAL, FIVE, LARGE, LARGE_3, ONE_BETTER, ONE_BETTER_8, CEILING)
    ),
    *(
        Row("mean of the winner, too high by", s, "winner.bias", -0.003, 0.003)
        for s in (CENTRAL, FIVE, LARGE, LARGE_3, ONE_BETTER, ONE_BETTER_8, CEILING)
    ),
    *(
        Row("interval of a difference", s, "difference.cover", 0.93, 0.97)
        for s in (CENTRAL, FIVE, SIX, LARGE, UNEQUAL)
    ),
    *(
        Row("interval of a gap", s, "gap.cover", 0.93, 0.97)
        for s in (CENTRAL, FIVE, LARGE)
    ),
    *(
        Row(FALSE, s, "false", 0.0, 0.05)
        for s in (CENTRAL, FIVE, LARGE, LARGE_3, CEILING_LARGE, HARD, FAILURES, UNEQUAL)
    ),
    Row("worse by more than 0.01, truth 0.01", AT_MARGIN, "false", 0.0, 0.05),
    Row("found, truth 0.05", BEYOND, "power", 0.95, 1.0),
    *(
        Row("power at `detectable`", s, "detectable.power", 0.75, 0.85)
        for s in (CENTRAL, FIVE, SIX, LARGE, LARGE_3)
    ),
    Row("equivalent wrongly", BARELY, "equivalent.false", 0.0, 0.05),
    Row("equivalent wrongly", BEYOND, "equivalent.false", 0.0, 0.05),
    *(
        Row("false claim about a further scanner", s, "further.false", 0.0, 0.05)
        for s in (NEW_SCANNERS, MORE_SCANNERS, MANY_SCANNERS)
    ),
    *(
        Row("interval for scanners like these", s, "further.cover", 0.93, 1.0)
        for s in (NEW_SCANNERS, MORE_SCANNERS, MANY_SCANNERS)
    ),
    *(
        Row("next scanner: a variant", s, "next.cover", 0.92, 1.0)
        for s in (NEW_SCANNERS, MORE_SCANNERS, CENTRAL)
    ),
    *(
        Row("next scanner: a difference", s, "next_difference.cover", 0.92, 1.0)
        for s in (NEW_SCANNERS, MORE_SCANNERS)
    ),
    *(
        Row("next scanner contains the mean's interval", s, "next.contains", 1.0, 1.0)
        for s in (CENTRAL, LARGE_3, UNEQUAL)
    ),
)


def measure_studies(setting: Setting, studies: int, seed: int = 0) -> Measured:
    """Means over simulated studies of all that the table asks for.

    Args:
        setting: of the studies.
        studies: how many.
        seed: of the simulation.
    """
    simulator = Simulator(setting, equivalence=MARGIN, seed=seed)
    lists: Lists = defaultdict(list)
    for _ in range(studies):
        drawn = simulator.draw()
        summary = list(tabulate_summary(drawn.study))
        _measure_summary(summary, drawn, lists)
        _measure_winner(tabulate_ranking(drawn.study)[0], drawn, lists)
        _measure_differences(tabulate_differences(drawn.study), drawn, lists)
    return {name: float(np.mean(values)) for name, values in lists.items()}


def _measure_summary(
    rows: Sequence[SummaryRow], drawn: SimulatedStudy, lists: Lists
) -> None:
    """Means, gaps and further domains."""
    means = drawn.here.mean(axis=1)
    gaps = (drawn.pooled - drawn.here).mean(axis=1)
    for index, row in enumerate(rows):
        low, high = row.out_domain_low, row.out_domain_high
        lists["mean.cover"].append(low <= means[index] <= high)
        lists["mean.width"].append(high - low)
        lists["gap.cover"].append(row.gap_low <= gaps[index] <= row.gap_high)
        lists["gap.width"].append(row.gap_high - row.gap_low)
        inside = row.new_low <= drawn.next_domain[index] <= row.new_high
        lists["next.cover"].append(inside)
        lists["next.contains"].append(row.new_low <= low and high <= row.new_high)


def _measure_winner(row: RankingRow, drawn: SimulatedStudy, lists: Lists) -> None:
    """The interval of the variant that came first, and how far its mean is off."""
    truth = drawn.here[drawn.study.axes.variants.index(row.variant)].mean()
    lists["winner.cover"].append(row.corrected_low <= truth <= row.corrected_high)
    lists["winner.bias"].append(row.corrected - truth)
    lists["winner.raw_bias"].append(row.out_domain - truth)
    lists["winner.width"].append(row.corrected_high - row.corrected_low)


def _measure_differences(
    rows: Sequence[DifferenceRow], drawn: SimulatedStudy, lists: Lists
) -> None:
    """Intervals, claims and powers of the paired differences."""
    variants = drawn.study.axes.variants
    here, false, further_false = drawn.here.mean(axis=1), False, False
    for row in rows:
        one, other = variants.index(row.variant), variants.index(row.other)
        true, beyond = (
            here[one] - here[other],
            drawn.further[one] - drawn.further[other],
        )
        following = drawn.next_domain[one] - drawn.next_domain[other]
        false |= _is_false(row.verdict, true)
        further_false |= _is_false(row.further_verdict, beyond)
        lists["difference.cover"].append(
            row.difference_low <= true <= row.difference_high
        )
        lists["difference.width"].append(row.difference_high - row.difference_low)
        lists["further.cover"].append(row.further_low <= beyond <= row.further_high)
        lists["next_difference.cover"].append(
            row.next_low <= following <= row.next_high
        )
        lists["detectable"].append(row.detectable)
        if abs(true) > MARGIN + 1e-6:
            right = "better" if true > 0 else "worse"
            lists["power"].append(row.verdict == right)
            lists["equivalent.false"].append(row.verdict == "equivalent")
    lists["false"].append(false)
    lists["further.false"].append(further_false)


def _is_false(verdict: str, true: float) -> bool:
    """Whether a difference beyond the margin was claimed that is not there."""
    claimed = {"better": true, "worse": -true}.get(verdict)
    return claimed is not None and claimed <= MARGIN + 1e-6


def measure_power(
    setting: Setting, detectable: float, studies: int, seed: int = 1
) -> float:
    """How often a true difference as large as `detectable` is found."""
    shifted = setting.with_shifts(-detectable)
    return measure_studies(shifted, studies, seed)["power"]


def measure_peers(
    setting: Setting, studies: int, mixed: int, seed: int = 0
) -> dict[str, Measured]:
    """Coverage and width of others' intervals of a mean, and their false claims.

    Args:
        setting: of the studies.
        studies: how many.
        mixed: with how many of them the mixed model is fitted; it is slow.
        seed: of the simulation.
    """
    simulator, rng = Simulator(setting, seed=seed), np.random.default_rng(seed)
    lists: Lists = defaultdict(list)
    place = simulator.place
    for number in range(studies):
        drawn = simulator.draw()
        dice, truth = drawn.study.lodo.dice[:, -1], drawn.here[0].mean()
        ends = {
            "percentile bootstrap of subjects": peers.bootstrap_subjects(
                dice[0], place, rng
            ),
            "crossed percentile bootstrap": peers.bootstrap_crossed(
                dice[0], place, rng
            ),
            "t on seed means": peers.interval_of_seeds(dice[0], place),
        }
        if number < mixed:
            ends["MixedLM"] = peers.interval_of_mixed_model(dice[0], place)
        for name, (low, high) in ends.items():
            lists[f"{name}|mean.cover"].append(low <= truth <= high)
            lists[f"{name}|mean.width"].append(high - low)
        lists["Wilcoxon + Holm|false"].append(peers.count_wilcoxon(dice) > 0)
    table: dict[str, Measured] = defaultdict(dict)
    for key, values in lists.items():
        name, quantity = key.split("|")
        table[name][quantity] = float(np.mean(values))
    return table


def measure_row(
    row: Row, measure: Callable[[Setting], Measured], studies: int, seed: int = 0
) -> tuple[float, bool]:
    """What a row asks for, and whether it is in the wanted range."""
    measured = measure(row.setting)
    value = (
        measure_power(row.setting, measured["detectable"], studies, seed + 1)
        if row.measured == "detectable.power"
        else measured[row.measured]
    )
    return value, row.low <= value <= row.high


def main(words: Sequence[str] | None = None) -> int:
    """Print both tables; 1 if a row is not in its range."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--mixed", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0, help="of the simulation")
    parser.add_argument("--only", default="", help="rows whose text holds this")
    options = parser.parse_args(words)
    start = time.process_time()

    @cache
    def measure(setting: Setting) -> Measured:
        return measure_studies(setting, options.studies, options.seed)

    print(f"{options.studies} studies a setting; MixedLM: {options.mixed}")
    print(f"{'what':42} {'setting':44} {'measured':>8}  wanted         ok")
    right = True
    for row in ROWS:
        if options.only in f"{row.what} {row.setting.name} {row.measured}":
            value, good = measure_row(row, measure, options.studies, options.seed)
            right &= good
            wanted = f"{row.low:.3f} to {row.high:.3f}"
            print(
                f"{row.what:42} {row.setting.name:44} {value:8.4f}  {wanted}"
                f" {'ok' if good else 'NO'}",
                flush=True,
            )
    for setting in (CENTRAL, FIVE, LARGE_3) if not options.only else ():
        print(f"\n{setting.name:44} {'covers':>8} {'width':>8} {'false':>8}")
        ours = {name: measure(setting)[name] for name in _COMPARED}
        others = measure_peers(setting, options.studies, options.mixed, options.seed)
        for name, measured in {"medinorm": ours, **others}.items():
            cells = (f"{measured.get(key, np.nan):8.4f}" for key in _COMPARED)
            print(f"{name:44} {' '.join(cells)}", flush=True)
    print(f"\n{time.process_time() - start:.0f} s of processor time")
    return 0 if right else 1


_COMPARED = ("mean.cover", "mean.width", "false")


if __name__ == "__main__":
    sys.exit(main())
