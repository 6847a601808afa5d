"""Ratios of times, their limits and verdicts: what the benchmarks share.

A busy machine slows down whatever runs on it, so that times of different minutes say
nothing about each other. Here two functions take turns, on inputs that nobody has
touched, and each round gives one ratio. The ratio of a row is the median over the
rounds, with an interval that holds the median of many more rounds with a probability of
95 %. While a limit lies inside of this interval, more rounds are taken, up to a number;
then the table says that the noise is larger than the distance to the limit.

With one thread the time is that of the processor, which does not go on while others
have the core.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import median
from typing import Any

Work = Callable[[], object]
Prepare = Callable[[], Work]
"""Makes fresh inputs, which is not timed, and returns what is timed."""

OURS = "medinorm"
FIRST_ROUNDS = 3  # tell which peer is the fastest; the others take no further turns
MOST = 4  # times as many rounds while the verdict is unclear


@dataclass(frozen=True)
class Effort:
    """How often something is timed.

    Args:
        rounds: as many at least; `MOST` times as many while the verdict is unclear.
        threads: how many threads the work has.
        repeats: how often each round does it, where once is too short for a clock.
    """

    rounds: int = 9
    threads: int = 1
    repeats: int = 1


@dataclass(frozen=True)
class Row:
    """One line of a table of verdicts.

    Args:
        case: what was computed.
        ours_ms: median time of ours.
        peer: the fastest one that is right.
        peer_ms: its median time.
        ratio: median over the rounds of ours to the peer.
        low: lower end of the interval of this median.
        high: upper end.
        limit: largest ratio that is wanted; None: no limit was set.
        others_ms: median times of slower peers, in the first rounds.
    """

    case: str
    ours_ms: float
    peer: str
    peer_ms: float
    ratio: float
    low: float
    high: float
    limit: float | None
    others_ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether the ratio is over the limit."""
        return self.limit is not None and self.ratio > self.limit

    @property
    def is_unclear(self) -> bool:
        """Whether the noise is larger than the distance to the limit."""
        return self.limit is not None and self.low <= self.limit <= self.high

    @property
    def verdict(self) -> str:
        """The verdict in words."""
        if self.limit is None:
            return "no limit"
        word = "over" if self.is_over else "within"
        return f"{word}, noise > distance" if self.is_unclear else word

    def as_dict(self) -> dict[str, Any]:
        """The row for a file."""
        return {**asdict(self), "verdict": self.verdict}


def judge(
    case: str,
    works: Mapping[str, Prepare],
    limit: float | None,
    effort: Effort,
) -> Row:
    """Time ours beside its peers and compare it with the fastest of them.

    Args:
        case: what is computed, for the table.
        works: how to prepare each; one of them is `OURS`.
        limit: largest ratio that is wanted.
        effort: how often, and by how many threads.
    """
    for prepare in works.values():  # warm up
        prepare()()
    first = take_turns(works, FIRST_ROUNDS, effort)
    best = min((n for n in works if n != OURS), key=lambda name: median(first[name]))
    pair = {name: works[name] for name in (OURS, best)}
    times = {name: first[name] for name in pair}
    while True:
        for name, taken in take_turns(pair, effort.rounds, effort).items():
            times[name] = [*times[name], *taken]
        row = compare(case, times[OURS], best, times[best], limit)
        if not row.is_unclear or len(times[OURS]) > MOST * effort.rounds:
            others = {n: 1e3 * median(first[n]) for n in works if n not in pair}
            return replace(row, others_ms=others)


def take_turns(
    works: Mapping[str, Prepare], rounds: int, effort: Effort
) -> dict[str, list[float]]:
    """Seconds of each work in each round; who begins changes."""
    clock = time.process_time if effort.threads == 1 else time.perf_counter
    times: dict[str, list[float]] = {name: [] for name in works}
    names = [*works]
    for turn in range(rounds):
        first = turn % len(names)
        for name in (*names[first:], *names[:first]):
            work = [works[name]() for _ in range(effort.repeats)]
            start = clock()
            for once in work:
                once()
            times[name].append((clock() - start) / effort.repeats)
    return times


def compare(
    case: str,
    ours: Sequence[float],
    peer: str,
    peers: Sequence[float],
    limit: float | None,
) -> Row:
    """The row of two series of times of the same rounds.

    Examples:
        >>> compare("sum", [2.0, 2.2, 2.1], "peer", [2.0, 2.0, 2.0], 1.2).verdict
        'within'
    """
    ratios = sorted(mine / theirs for mine, theirs in zip(ours, peers, strict=True))
    # Ranks between which a median lies in 95 % of samples: normal approximation.
    reach = 0.98 * math.sqrt(len(ratios))
    below = max(0, math.floor(len(ratios) / 2 - reach))
    return Row(
        case=case,
        ours_ms=1e3 * median(ours),
        peer=peer,
        peer_ms=1e3 * median(peers),
        ratio=median(ratios),
        low=ratios[below],
        high=ratios[-1 - below],
        limit=limit,
    )


def show(rows: Iterable[Row]) -> Iterable[Row]:
    """Print each row as it comes, then how many are within their limits."""
    print(f"{'':<58}{'ours':>9}{'peer':>9}  ratio [95 % interval]  limit")
    kept = []
    for row in rows:
        kept.append(row)
        limit = "" if row.limit is None else f"{row.limit:.2f}"
        others = "".join(f"; {name} {ms:.3f}" for name, ms in row.others_ms.items())
        print(
            f"{row.case:<58}{row.ours_ms:9.3f}{row.peer_ms:9.3f}  "
            f"{row.ratio:5.2f} [{row.low:.2f}, {row.high:.2f}]  {limit:>5}  "
            f"{row.verdict}: {row.peer}{others}",
            flush=True,
        )
    print(summarize(kept))
    return kept


def summarize(rows: Sequence[Row]) -> str:
    """How many rows are within their limits, in a line.

    Examples:
        >>> summarize([compare("sum", [3.0], "peer", [2.0], 1.2)])
        '1 rows with a limit: 0 within, 1 over; noise > distance in 0'
    """
    judged = [row for row in rows if row.limit is not None]
    over = sum(row.is_over for row in judged)
    unclear = sum(row.is_unclear for row in judged)
    return (
        f"{len(judged)} rows with a limit: {len(judged) - over} within, {over} over; "
        f"noise > distance in {unclear}"
    )


def exit_code(rows: Sequence[Row]) -> int:
    """1 if a row is over its limit."""
    return int(any(row.is_over for row in rows))
