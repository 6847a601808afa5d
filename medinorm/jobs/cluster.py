"""What SLURM must be able to say, asked before a study waits for it."""

import re
import subprocess

from medinorm.errors import StageError

_DISABLED = "accounting storage is disabled"
_SECONDS = 10  # after so long Snakemake's executor takes no answer for none
_CONTROLLER = (
    "this cluster keeps no accounts of jobs: if its controller does not answer for "
    f"{_SECONDS} s, Snakemake may wait for ever for jobs that have ended; then stop it "
    "with Ctrl-C and call it again: what is finished is not made again"
)


def check_cluster(status_command: str | None, first_wait: int | None) -> str:
    """Whether Snakemake's executor for SLURM will learn how jobs end.

    Where a cluster keeps no accounts, `sacct` answers nothing, and the executor would
    wait for ever without a word.

    Args:
        status_command: what the executor asks: `sacct` or `squeue`; None: there is no
            SLURM.
        first_wait: seconds after which it asks for the first time; None: its default.

    Returns:
        What the user must know; empty if there is nothing.

    Raises:
        StageError: the executor would never learn how a job ended.
    """
    if status_command is None or _DISABLED not in _ask("sacct", "--allocations"):
        return ""
    if status_command != "squeue":
        raise StageError(
            "this cluster keeps no accounts of jobs, so that sacct does not say how "
            "they end; add --slurm-status-command squeue, or slurm-status-command: "
            "squeue to the profile"
        )
    kept = re.search(r"MinJobAge\s*=\s*(\d+)", _ask("scontrol", "show", "config"))
    longest = max(1, int(kept[1]) // 3) if kept else 0
    if longest and (first_wait or 40) > longest:  # as the executor decides
        raise StageError(
            "this cluster keeps no accounts of jobs and forgets them early, so that "
            "Snakemake would not ask squeue; add "
            f"--slurm-init-seconds-before-status-checks {longest}"
        )
    return _CONTROLLER


def _ask(*command: str) -> str:
    """What a command of SLURM answers; empty if it is not there or takes too long."""
    try:
        done = subprocess.run(  # noqa: S603  (words of this module, no shell)
            command,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
