"""What a job asks of a cluster: memory and time, more at each attempt.

Without a cluster Snakemake starts as many jobs as there are cores and does not look at
these numbers, unless it is called with `--resources mem_mb=...`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Asked = Callable[..., int]  # Snakemake calls it by the names of its arguments


@dataclass(frozen=True)
class Need:
    """What the jobs of a rule ask for at their first attempt.

    Args:
        memory: in MB, also of what they load.
        minutes: on the clock.
    """

    memory: int
    minutes: int


# Peaks of resident memory, measured: on the demo (3 scanners, 12 subjects) 36 to 217 MB
# (most of it is what a stage loads), and 1,049 MB for a training; on a CT volume of
# 512 x 512 x 300 voxels (`benchmarks/memory.py`) 0.5 GB more to convert it, 0.6 and
# 1.9 GB more to harmonize it to 1.5 and 0.9 mm. Each rule asks for that and room; what
# no measurement covers (fetch, final_split, expect, ...) is estimated. The minutes are
# for a thousand scans.
NEEDS: Mapping[str, Need] = {
    "demo": Need(1500, 60),
    "fetch": Need(1000, 720),
    "index": Need(1000, 240),
    "plan": Need(1500, 60),
    "convert": Need(2000, 240),
    "collect": Need(1000, 30),
    "split": Need(1000, 30),
    "final_split": Need(1000, 30),
    "training_plan": Need(2000, 60),
    "fit": Need(3000, 240),
    "harmonize": Need(3000, 240),
    "choose_rate": Need(4000, 720),
    "train": Need(4000, 720),
    "predict": Need(4000, 360),
    "score": Need(3000, 240),
    "evidence": Need(2000, 120),
    "expect": Need(3000, 240),
    "environment": Need(1000, 30),
    "report": Need(2000, 60),
    "previews": Need(2000, 120),
    "qc": Need(1000, 30),
}


def ask_for(rule: str, *, memory: float = 0, minutes: float = 0) -> dict[str, Asked]:
    """The `resources:` of a rule: twice as much at the second attempt, and so on.

    Args:
        rule: its name.
        memory: what the study itself says that a job takes, in MB, if that is more.
        minutes: likewise, on the clock.

    Raises:
        KeyError: nothing is known of the rule.

    Examples:
        >>> asked = ask_for("collect", minutes=59.5)
        >>> asked["mem_mb"](None, attempt=3), asked["runtime"](None, attempt=1)
        (3000, 60)
    """
    need = NEEDS[rule]
    megabytes = max(need.memory, math.ceil(memory))
    longest = max(need.minutes, math.ceil(minutes))

    def ask_memory(_wildcards: object, attempt: int) -> int:
        return megabytes * attempt

    def ask_minutes(_wildcards: object, attempt: int) -> int:
        return longest * attempt

    return {"mem_mb": ask_memory, "runtime": ask_minutes}
