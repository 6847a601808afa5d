"""Lightning's trainer, set up for many small runs."""

import io
import logging
import os
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import lightning.pytorch as lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import distributed as processes
from torch.utils.data import DataLoader, Dataset, Sampler

from medinorm.config import TrainConfig
from medinorm.config.numbers import AUTO
from medinorm.errors import ItemError, MedinormError
from medinorm.files.atomic import replacing
from medinorm.jobs.processes import THIS_NODE, ProcessRank
from medinorm.jobs.shards import place_of
from medinorm.layers.statistics.processes import process_count, process_rank
from medinorm.train.checkpoints import TENSORBOARD

T = TypeVar("T")

_MOST_WORKERS = 8

# Groups that this process has left. The end of one waits for its threads and keeps
# Python's lock; a thread that then lets go of its last sum waits for that lock. A
# network's share in DDP may be the last to hold a group: seen for ever in torch 2.13.
_LEFT_GROUPS: list[Any] = []

_log = logging.getLogger(__name__)


class AtomicCheckpoints(TorchCheckpointIO):  # type: ignore[misc]  # untyped
    """Checkpoints that are written whole or not at all, in their own folder.

    Lightning's way goes through the folder of temporary files: a full disk then leaves
    a short checkpoint under the right name.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write a checkpoint.

        Raises:
            OSError: the disk is full or read-only.
        """
        del storage_options
        content = io.BytesIO()
        torch.save(checkpoint, content)
        with replacing(Path(path)) as temporary:
            temporary.write_bytes(content.getbuffer())


class MovableCheckpoint(ModelCheckpoint):  # type: ignore[misc]  # untyped
    """The choice of checkpoints, which goes on where the folder of the run is now."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the choice of an interrupted run.

        Lightning would forget the best checkpoint of a folder that was moved, and show
        both paths.
        """

        def here(path: str) -> str:
            return str(Path(str(self.dirpath)) / Path(path).name) if path else path

        names = ("best_model_path", "kth_best_model_path", "last_model_path")
        moved: dict[str, Any] = {name: here(state_dict[name]) for name in names}
        best = {here(path): dice for path, dice in state_dict["best_k_models"].items()}
        moved |= {"dirpath": self.dirpath, "best_k_models": best}
        super().load_state_dict(state_dict | moved)


def make_trainer(run: Path, settings: TrainConfig, stretches: int) -> Any:
    """A Lightning trainer whose epochs are the stretches between checkpoints.

    Args:
        run: folder of the run; checkpoints and TensorBoard logs go below it.
        settings: how to train.
        stretches: how many are trained in all, those of an interrupted run included.
    """
    best = settings.selection == "validation"
    keep = MovableCheckpoint(
        dirpath=run / "checkpoints",
        filename="{step}",
        save_last=True,
        monitor="dice" if best else None,
        mode="max",
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    watched = sys.stderr.isatty()
    return lightning.Trainer(
        accelerator=find_device(settings.device),
        devices=settings.devices,
        num_nodes=settings.nodes,
        strategy="ddp" if process_count() > 1 else "auto",
        use_distributed_sampler=False,  # ours divides each mini-batch
        precision=_precision(settings.precision),
        # Not `max_steps`: Lightning 2.6 would take the finished epoch it resumes from
        # for an unfinished one, and never end.
        max_epochs=stretches,
        # Not SLURM's environment, which Lightning would find by itself and which
        # submits jobs again: that is Snakemake's work.
        plugins=[LightningEnvironment(), AtomicCheckpoints()],
        callbacks=[keep, *([TQDMProgressBar()] if watched else [])],
        logger=TensorBoardLogger(run, name="", version=TENSORBOARD),
        log_every_n_steps=1,
        enable_progress_bar=watched,
        enable_model_summary=False,
    )


@contextmanager
def joined(place: ProcessRank | None, device: str) -> Iterator[None]:
    """Join the other processes of a training, as long as this lasts.

    Args:
        place: of this process; None: it is alone.
        device: where to train.
    """
    if place is None:
        yield
        return
    # Where Lightning looks for what a launcher says.
    os.environ |= {"LOCAL_RANK": str(place.local_rank), "NODE_RANK": str(place.node)}
    os.environ |= {"MASTER_ADDR": place.address, "MASTER_PORT": str(place.port)}
    if place.address == THIS_NODE:
        # Else gloo asks for the node's name, which may lead to where nobody answers.
        loops = [name for _, name in socket.if_nameindex() if name.startswith("lo")]
        os.environ.setdefault("GLOO_SOCKET_IFNAME", ",".join(loops[:1]))
    cards = find_device(device) == "cuda"
    processes.init_process_group(
        "cpu:gloo,cuda:nccl" if cards else "gloo",
        init_method=f"tcp://{place.address}:{place.port}",
        rank=place.rank,
        world_size=place.count,
    )
    try:
        yield
    finally:
        _LEFT_GROUPS.append(processes.group.WORLD)
        processes.destroy_process_group()


def do_once(work: Callable[[], T]) -> T:
    """Do `work` in the first process only; all get its result, or its error."""
    if process_count() == 1:
        return work()
    answer: list[Any] = [None, None]
    if process_rank() == 0:
        try:
            answer[0] = work()
        except Exception as error:
            answer[1] = error
    processes.broadcast_object_list(answer)
    if answer[1] is not None:
        raise answer[1]
    result: T = answer[0]
    return result


def end_together(work: Callable[[], T]) -> T:
    """Do `work`, which all processes do; one that fails alone ends its job.

    The others would wait for it: the launcher ends them.

    Raises:
        ItemError: the work failed in all processes, for the same reason.
        SystemExit: it failed in this one.
    """
    try:
        return work()
    except ItemError:
        raise
    except Exception as error:
        reason = str(error) if isinstance(error, MedinormError) else place_of(error)
        _log.error("a process of the training failed: %s; run again", reason)
        raise SystemExit(1) from None


def make_loader(
    patches: Dataset[T], sampler: Sampler[int], settings: TrainConfig
) -> Any:
    """Mini-batches of the share of this process.

    Workers cut patches while the device computes; pinned memory lets them be copied
    meanwhile. Which patch has which number does not depend on it.
    """
    cards = find_device(settings.device) == "cuda"
    workers = count_workers(settings, cards=cards)
    return DataLoader(
        patches,
        batch_size=settings.batch_size // process_count(),
        sampler=sampler,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=cards,
    )


def count_workers(settings: TrainConfig, *, cards: bool) -> int:
    """How many processes cut patches for each device.

    Args:
        settings: how to train; a number in them is kept.
        cards: whether the devices are graphics cards.
    """
    if settings.workers != AUTO:
        return settings.workers
    if not cards:  # the cores are at work already
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    return min(_MOST_WORKERS, cores // settings.devices - 1)


def find_device(device: str) -> str:
    """The device of this machine that a setting means."""
    available = "cuda" if torch.cuda.is_available() else "cpu"
    return available if device == "auto" else device


def _precision(precision: str) -> str:
    """The precision; ``auto`` is replaced by what the device can do."""
    if precision != "auto":
        return precision
    return "bf16-mixed" if _computes_bfloat16() else "32-true"


def _computes_bfloat16() -> bool:
    """Whether the device has bfloat16 instructions and need not emulate them."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = (
        torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    )
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Lightning's advertisements and advice that does not apply here."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # Patches are cut from memory-mapped files: workers would only cost start-up.
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        # Lightning 2.6 still uses what torch 2.13 renames.
        warnings.filterwarnings("ignore", ".*LeafSpec.*is deprecated.*")
        # Snakemake submits and repeats jobs; the hint holds the path of the command.
        warnings.filterwarnings("ignore", ".*`srun` command is available.*")
        # What is logged is the same in all processes.
        warnings.filterwarnings("ignore", ".*sync_dist=True.*")
        # An interrupted run leaves a folder on purpose.
        warnings.filterwarnings("ignore", ".*exists and is not empty.*")
        try:
            yield
        finally:
            logger.setLevel(level)
