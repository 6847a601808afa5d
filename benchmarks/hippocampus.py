"""Dice of networks by CPU minutes of training, beside a plain loop and nnU-Net.

    python benchmarks/hippocampus.py FOLDER [--only NAME...] [--nnunet PYTHON] [--docs]

Real scans (Medical Segmentation Decathlon, Task04; `MEDINORM_REAL_DATA`), the pooled
split of seed 0: 194 scans train, 66 test. Ours is the workflow with the training plan's
own numbers; the peers train on the same scans: MONAI's U-Net in a plain loop
(`benchmarks/monai_peer.py`) and nnU-Net's own trainer (`benchmarks/nnunet_peer.py`;
PYTHON is that of an environment with `nnunetv2`). All are scored alike, one thread
each. CPU time is that of the training job, its start-up included.

All of it takes about six hours of one core. What is there already is not made again;
`--docs` trains nothing and writes the page of `docs/explanation/`
from what is there.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
import yaml
from matplotlib import pyplot as plt
from numpy.typing import NDArray
from torch import Tensor, nn

from medinorm.config import PredictConfig, StudyConfig
from medinorm.files.atomic import read_json
from medinorm.files.nifti import read_volume, write_volume
from medinorm.files.tables import read_table
from medinorm.layout import Layout
from medinorm.predict.stage import Prediction, segment
from medinorm.records.scans import read_scans
from medinorm.train.model import read_model

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("MEDINORM_REAL_DATA", ROOT.parent / "shared" / "data"))
DOCS = ROOT / "docs" / "explanation"
LABELS = {1: "anterior hippocampus", 2: "posterior hippocampus"}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
NNUNET = "nnunet_peer.py"


@dataclass(frozen=True)
class Contestant:
    """One network to train.

    Args:
        name: what it is called in the table.
        minutes: CPU minutes it may train.
        norm: of ours.
        recipe: of ours.
        seed: of ours.
        script: of a peer; empty for ours.
    """

    name: str
    minutes: float
    norm: str = "instance"
    recipe: str = "standard"
    seed: int = 0
    script: str = ""

    @property
    def folder(self) -> str:
        """Where it works."""
        words = (self.name, f"{self.minutes:g}min", f"seed{self.seed}")
        return "_".join(words).replace(" ", "-").replace(",", "")


@dataclass(frozen=True)
class Result:
    """What became of a network.

    Args:
        name: see `Contestant`.
        minutes: CPU minutes that it trained.
        steps: of training.
        patches: seen in training.
        anterior: mean Dice of the 66 test scans.
        posterior: mean Dice of the 66 test scans.
    """

    name: str
    minutes: float
    steps: int
    patches: int
    anterior: float
    posterior: float

    @property
    def dice(self) -> float:
        """Mean over both labels."""
        return (self.anterior + self.posterior) / 2


CONTESTANTS = (
    *(Contestant(f"medinorm, {norm}", 20, norm) for norm in ("instance", "batch")),
    *(Contestant(f"medinorm, {norm}", 20, norm) for norm in ("group", "layer")),
    Contestant("medinorm, fast", 20, recipe="fast"),
    Contestant("MONAI loop", 20, script="monai_peer.py"),
    Contestant("nnU-Net", 20, script=NNUNET),
    Contestant("medinorm, instance", 5),
    Contestant("MONAI loop", 5, script="monai_peer.py"),
    *(Contestant("medinorm, instance", 20, seed=seed) for seed in (1, 2)),
    Contestant("medinorm, instance", 60),
    Contestant("MONAI loop", 60, script="monai_peer.py"),
    Contestant("nnU-Net", 60, script=NNUNET),
)
ENSEMBLE = "medinorm, 3 seeds"


def describe_study(one: Contestant) -> Mapping[str, Any]:
    """The study of ours: everything but the question is left to the plan."""
    return {
        "title": "Hippocampus, pooled",
        "input": {
            "scans": str(DATA / "hippocampus" / "scans.tsv"),
            "label_values": LABELS,
        },
        "ingest": {"subjects": "keep"},
        "split": {"domain": ["export"], "designs": ["pooled"]},
        "harmonize": {"foreground": "image"},
        "experiments": {
            "intensity": ["zscore"],
            "norm": [one.norm],
            "seeds": [one.seed],
        },
        "train": {
            "recipe": one.recipe,
            "budget": {"minutes": one.minutes, "where": "cpu"},
        },
    }


def run(*words: object) -> float:
    """Run a command with one thread; its CPU minutes.

    Raises:
        subprocess.CalledProcessError: it failed; its own output says why.
    """
    environment = os.environ | ONE_THREAD | {"PYTHONPATH": str(ROOT)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(list(map(str, words)), check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return seconds / 60


def make(folder: Path, one: Contestant, *targets: str) -> float:
    """Make some files of the study of ours; its CPU minutes."""
    folder.mkdir(parents=True, exist_ok=True)
    study = folder / "study.yaml"
    study.write_text(yaml.safe_dump(describe_study(one)))
    return run(
        *(Path(sys.executable).with_name("snakemake"), *targets),
        *("--cores", 1, "--quiet", "all", "--snakefile", ROOT / "Snakefile"),
        *("--directory", folder, "--configfile", study),
    )


def train_ours(folder: Path, one: Contestant) -> Result:
    """Train and score a network of ours."""
    settings = StudyConfig.model_validate(describe_study(one))
    layout, (augmentation,) = Layout.of(settings), settings.experiments.augmentation
    names = {"intensity": "zscore", "norm": one.norm, "augmentation": augmentation}
    names |= {"split": "pooled", "map": "shared", "adapt": "none"}
    make(folder, one, layout.splits)  # what follows the split is known after it
    harmonized = [
        layout.harmonized_status.format(shard=shard, **names)
        for shard in range(settings.shards)
    ]
    make(folder, one, layout.training_plan, *harmonized)
    minutes = make(folder, one, layout.trained.format(job=0, **names))
    make(folder, one, layout.predicted.format(job=0, **names))
    study = folder / "results"
    (model,) = study.glob("runs/**/model.json")
    facts = read_json(model)
    patches = facts["steps"] * facts["batch_size"]
    (predictions,) = study.glob("predictions/**/seed-*")
    return Result(
        one.name, minutes, facts["steps"], patches, *score(study, predictions)
    )


def train_peer(folder: Path, one: Contestant, study: Path, python: Path) -> Result:
    """Train and score a peer."""
    folder.mkdir(parents=True, exist_ok=True)
    script = ROOT / "benchmarks" / one.script
    run(python, script, study, folder, "--minutes", one.minutes)
    facts = json.loads((folder / "facts.json").read_text())
    dice = score(study, folder / "predictions")
    return Result(
        one.name, facts["cpu_minutes"], facts["steps"], facts["patches"], *dice
    )


class Ensemble(nn.Module):
    """Networks whose class probabilities are averaged; a shift of logits is free."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, image: Tensor) -> Tensor:
        """The logarithm of the mean probability, shape as a member's logits."""
        shares = [member(image).float().softmax(dim=1) for member in self.members]
        return torch.stack(shares).mean(dim=0).clamp_min(1e-12).log()


def join_seeds(folder: Path, members: Sequence[Path], spent: Result) -> Result:
    """Score the mean of the networks in these folders; `spent` is one of them."""
    runs = [next(member.glob("results/runs/**/seed-*")) for member in members]
    cards = [read_model(run, "cpu") for run in runs]
    network = Ensemble([network for network, _ in cards]).eval()
    study = members[0] / "results"
    scans = read_scans(study / "scans.tsv", study / "canonical")
    (harmonized,) = (study / "harmonized" / "zscore").iterdir()
    for name in test_scans(study):
        target = folder / "predictions" / f"{name}.nii.gz"
        image = harmonized / f"{name}.nii"
        scan = Prediction(scans[name], image, runs[0], 0, target, "", ())
        target.parent.mkdir(parents=True, exist_ok=True)
        labels, _ = segment(network, cards[0][1], scan, PredictConfig())
        write_volume(labels, target)
    counts = (len(runs) * n for n in (spent.minutes, spent.steps, spent.patches))
    minutes, steps, patches = counts
    dice = score(study, folder / "predictions")
    return Result(ENSEMBLE, minutes, int(steps), int(patches), *dice)


def test_scans(study: Path) -> list[str]:
    """The scans that test."""
    rows = read_table(study / "splits.tsv")
    return [row["scan"] for row in rows if row["role"] == "test"]


def score(study: Path, predictions: Path) -> tuple[float, float]:
    """Mean Dice of each label over the test scans."""
    files = {row["scan"]: row["label"] for row in read_table(study / "scans.tsv")}
    dice = [
        list(
            _dice(
                read_volume(predictions / f"{scan}.nii.gz").array,
                read_volume(study / "canonical" / files[scan]).array,
            )
        )
        for scan in test_scans(study)
    ]
    anterior, posterior = np.array(dice).mean(axis=0)
    return float(anterior), float(posterior)


def _dice(predicted: NDArray[Any], label: NDArray[Any]) -> Iterator[float]:
    """Dice of each label."""
    for value in LABELS:
        a, b = predicted == value, label == value
        yield 2 * np.sum(a & b) / (np.sum(a) + np.sum(b))


def contest(folder: Path, only: Sequence[str], nnunet: Path | None) -> Iterator[Result]:
    """The result of each contestant, from its file or by training it."""
    study = folder / CONTESTANTS[0].folder / "results"
    for one in CONTESTANTS:
        kept = folder / one.folder / "result.json"
        python = nnunet if one.script == NNUNET else Path(sys.executable)
        asked = not only or one.name in only
        if not kept.exists() and asked and python:
            work = folder / one.folder
            made = (
                train_peer(work, one, study, python)
                if one.script
                else train_ours(work, one)
            )
            kept.write_text(json.dumps(asdict(made)))
        if kept.exists():
            yield Result(**json.loads(kept.read_text()))


def contest_ensemble(folder: Path) -> Iterator[Result]:
    """The ensemble of the seeds, once all are trained."""
    kept = folder / "ensemble" / "result.json"
    members = [
        folder / one.folder
        for one in CONTESTANTS
        if (one.name, one.minutes) == ("medinorm, instance", 20)
    ]
    results = [member / "result.json" for member in members]
    if not kept.exists() and all(result.exists() for result in results):
        spent = Result(**json.loads(results[0].read_text()))
        joined = join_seeds(kept.parent, members, spent)
        kept.write_text(json.dumps(asdict(joined)))
    if kept.exists():
        yield Result(**json.loads(kept.read_text()))


def name_missing(folder: Path) -> list[str]:
    """The contestants without a result."""
    return [
        f"{one.name} for {one.minutes:g} minutes, seed {one.seed}"
        for one in CONTESTANTS
        if not (folder / one.folder / "result.json").exists()
    ]


def write_table(results: Sequence[Result]) -> str:
    """The results as a table of Markdown."""
    lines = [
        "| network | CPU minutes | steps | patches | anterior | posterior | mean |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {one.name} | {one.minutes:.1f} | {one.steps} | {one.patches} "
        f"| {one.anterior:.4f} | {one.posterior:.4f} | {one.dice:.4f} |"
        for one in results
    ]
    return "\n".join(lines)


def draw_curves(results: Sequence[Result], path: Path) -> None:
    """Dice over CPU time and over patches seen."""
    mpl.rcParams["svg.hashsalt"] = "medinorm"  # the same file from the same results
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="tight")
    for axis, fact in zip(axes, ("minutes", "patches"), strict=True):
        for name in dict.fromkeys(one.name for one in results):
            points = sorted(
                (getattr(one, fact), one.dice) for one in results if one.name == name
            )
            axis.plot(*zip(*points, strict=True), "o-", label=name)
        axis.set(xscale="log", xlabel=f"{'CPU ' if fact == 'minutes' else ''}{fact}")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("mean Dice of 66 test scans")
    axes[1].legend(fontsize="small")
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Train, score, print one row a network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where to work")
    names = list(dict.fromkeys(one.name for one in CONTESTANTS))
    parser.add_argument("--only", nargs="+", choices=names, default=(), help="train")
    parser.add_argument("--nnunet", type=Path, help="python with nnunetv2")
    parser.add_argument(
        "--docs", action="store_true", help="train nothing, write the page of docs/"
    )
    given = parser.parse_args()
    folder = given.folder.resolve()
    only = ["nothing"] if given.docs else given.only
    results = list(contest(folder, only, given.nnunet))
    results += contest_ensemble(folder)
    print(write_table(results))
    if given.docs:
        draw_curves(results, DOCS / "hippocampus.svg")
        missing = name_missing(folder)
        (DOCS / "hippocampus.md").write_text(
            "# Networks on real scans, by training time\n\n"
            "Written by `python benchmarks/hippocampus.py FOLDER --docs`; what is "
            "compared stands at the top of that file. Dice of 66 test scans, one "
            "network a row: small differences may be those of seeds.\n\n"
            f"{write_table(results)}\n\n"
            + (f"Not trained yet: {'; '.join(missing)}.\n\n" if missing else "")
            + "![Dice over CPU time and over patches seen](hippocampus.svg)\n"
        )


if __name__ == "__main__":
    main()
