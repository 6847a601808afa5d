"""Processes that share the work of one job, on one node or on several."""

import logging
import multiprocessing
import os
import pickle
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import connection
from typing import Any

from medinorm.errors import ConfigError, StageError

# Rank, rank on the node, node and number of processes, as launchers name them.
_LAUNCHERS = (
    ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID", "SLURM_NTASKS"),
    ("RANK", "LOCAL_RANK", "GROUP_RANK", "WORLD_SIZE"),
)
THIS_NODE = "127.0.0.1"
_LAST_WORDS = 3.0  # seconds in which the others tell their errors after the first


@dataclass(frozen=True)
class ProcessRank:
    """One of the processes that share a job.

    Args:
        rank: its number among all, from 0; the first one writes the results.
        local_rank: its number on its node.
        node: number of its node.
        count: how many processes there are.
        address: of the node of the first one.
        port: at which the first one listens.
    """

    rank: int
    local_rank: int
    node: int
    count: int
    address: str
    port: int


def read_place(
    devices: int, nodes: int, environment: Mapping[str, str] = os.environ
) -> ProcessRank | None:
    """The place that a launcher such as `srun` gave to this process.

    Args:
        devices: processes on each node.
        nodes: number of nodes; for one no launcher is needed.
        environment: environment variables.

    Returns:
        The place; None for one node.

    Raises:
        ConfigError: no launcher started this process, or not as many as needed.
    """
    if nodes == 1:
        return None
    remedy = (
        f"start the job with srun --nodes={nodes} --ntasks-per-node={devices} "
        "--kill-on-bad-exit"
    )
    launchers = [names for names in _LAUNCHERS if all(n in environment for n in names)]
    if not launchers:
        raise ConfigError(f"nodes: {nodes} nodes need a process on each; {remedy}")
    try:
        rank, local, node, count = (int(environment[name]) for name in launchers[0])
        job = int(environment.get("SLURM_JOB_ID", "0"))
        port = int(environment.get("MASTER_PORT", 15000 + job % 10000))
    except ValueError:
        raise ConfigError(
            f"nodes: the launcher's numbers are damaged; {remedy}"
        ) from None
    if count != devices * nodes or rank != node * devices + local:
        raise ConfigError(
            f"nodes: the launcher's processes are not {devices} on each of {nodes} "
            f"nodes; {remedy}"
        )
    hosts = environment.get("SLURM_JOB_NODELIST", THIS_NODE)
    address = environment.get("MASTER_ADDR", first_host(hosts))
    return ProcessRank(rank, local, node, count, address, port)


def first_host(hosts: str) -> str:
    """The first of the host names in SLURM's short form.

    Examples:
        >>> first_host("node[07-09,12],other")
        'node07'
    """
    return re.sub(r"\[(\w+)[^\]]*\]", r"\1", hosts).split(",")[0]


def run_in_processes(work: Callable[[ProcessRank], None], count: int) -> None:
    """Do `work` in some new processes of this node, and wait for all.

    They are forked from a server that has imported the module of `work` and has no
    threads: a fork of this process could wait for ever for a lock that one of its
    threads held, and could not use a graphics card that this one has looked for. The
    first error of any ends all and is raised here. They may start processes
    themselves, as loaders of patches do.

    Args:
        work: what each process does; it is sent (pickled): a function of a module, or
            one with some arguments (`functools.partial`).
        count: how many processes.

    Raises:
        BaseException: that error.
        StageError: a process was ended from outside.
        SystemExit: this job was asked to end (SIGTERM).
    """
    context = _process_context(work)
    port = _free_port()
    processes, receivers = [], []
    with _heeding_end():
        try:
            for rank in range(count):
                receiver, sender = context.Pipe(duplex=False)
                place = ProcessRank(rank, rank, 0, count, THIS_NODE, port)
                process = context.Process(
                    target=_work_and_tell,
                    args=(work, place, sender, logging.root.level),
                )
                process.start()
                sender.close()
                processes.append(process)
                receivers.append(receiver)
            _wait_for(receivers)
        finally:
            for process in processes:
                process.kill()  # checkpoints are whole or not there
                process.join()


def _process_context(work: Callable[[ProcessRank], None]) -> Any:
    """How the processes are started; where there is no server, as new programs."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    function = work.func if isinstance(work, partial) else work
    context.set_forkserver_preload([function.__module__])
    return context


def _wait_for(receivers: list[Any]) -> None:
    """Wait until all processes have told how they ended; raise the error of any."""
    waiting = set(receivers)
    errors: list[BaseException] = []
    while ready := connection.wait(waiting, _LAST_WORDS if errors else None):
        for receiver in ready:
            waiting.remove(receiver)
            if (error := _hear(receiver)) is not None:
                errors.append(error)
        if not waiting:
            break
    if errors:
        # One that lost its peer has a RuntimeError; the other one's error is the cause.
        raise min(errors, key=lambda error: isinstance(error, RuntimeError))


def _hear(receiver: Any) -> BaseException | None:
    """The error of a process that has ended; None: it has done its work."""
    try:
        error: BaseException | None = receiver.recv()
    except EOFError:
        return StageError(
            "a training process was ended from outside, perhaps for its memory; give "
            "the job more memory or lower train.devices, and run again"
        )
    return error


def _work_and_tell(
    work: Callable[[ProcessRank], None], place: ProcessRank, sender: Any, level: int
) -> None:
    """Do the work of one process, and send the error it ends with, or None."""
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        work(place)
    except BaseException as error:
        sender.send(_sendable(error))
    else:
        sender.send(None)


def _end_with_parent() -> None:
    """Wait for the end of the process that started this one, and end too."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGKILL)


def _sendable(error: BaseException) -> BaseException:
    """An error that survives the way to another process."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
    except Exception:  # of any class: whatever its constructor stumbles over
        return RuntimeError(type(error).__name__)
    return error


@contextmanager
def _heeding_end() -> Iterator[None]:
    """While it lasts, SIGTERM raises: the processes must not outlive the job."""

    def end(number: int, _frame: Any) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _free_port() -> int:
    """A port that no program listens at."""
    with socket.socket() as opened:
        opened.bind((THIS_NODE, 0))
        port: int = opened.getsockname()[1]
    return port
