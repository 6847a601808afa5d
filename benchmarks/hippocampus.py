"""Dice of networks trained for some CPU minutes, beside a plain loop and nnU-Net.

    python benchmarks/hippocampus.py FOLDER --minutes 20 [--nnunet PYTHON]

Real scans (Medical Segmentation Decathlon, Task04; `MEDINORM_REAL_DATA`), the pooled
split of seed 0: 194 scans train, 66 test. Ours is the whole workflow with the recipe
`standard` and the training plan's own numbers, for each norm; the peers train on the
same scans: MONAI's U-Net in a plain loop (`benchmarks/monai_peer.py`) and nnU-Net's own
trainer (`benchmarks/nnunet_peer.py`; PYTHON is that of an environment with `nnunetv2`).
All are scored alike, one thread each. What is there already is not made again.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from medinorm.files.atomic import read_json
from medinorm.files.nifti import read_volume
from medinorm.files.tables import read_table

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("MEDINORM_REAL_DATA", ROOT.parent / "shared" / "data"))
LABELS = {1: "anterior hippocampus", 2: "posterior hippocampus"}
NORMS = ("batch", "instance", "group", "layer")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def describe_study(norms: Sequence[str], minutes: float) -> Mapping[str, Any]:
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
        "experiments": {"intensity": ["zscore"], "norm": list(norms), "seeds": [0]},
        "train": {"budget": {"minutes": minutes, "where": "cpu"}},
    }


def run(*words: object) -> None:
    """Run a command with one thread.

    Raises:
        subprocess.CalledProcessError: it failed; its own output says why.
    """
    environment = os.environ | ONE_THREAD | {"PYTHONPATH": str(ROOT)}
    subprocess.run(list(map(str, words)), check=True, env=environment)


def train_ours(folder: Path, norms: Sequence[str], minutes: float) -> Path:
    """Run the study; its results."""
    folder.mkdir(parents=True, exist_ok=True)
    study = folder / "study.yaml"
    study.write_text(yaml.safe_dump(describe_study(norms, minutes)))
    run(
        *(Path(sys.executable).with_name("snakemake"), "--cores", 1, "--quiet", "all"),
        *("--snakefile", ROOT / "Snakefile", "--directory", folder),
        *("--configfile", study),
    )
    return folder / "results"


def train_peer(script: str, python: Path, study: Path, to: Path, minutes: float) -> Any:
    """Train a peer unless it is there; what it says of its run."""
    facts = to / "facts.json"
    if not facts.exists():
        script_path = ROOT / "benchmarks" / script
        run(python, script_path, study, to, "--minutes", minutes)
    return json.loads(facts.read_text())


def score(study: Path, predictions: Path) -> NDArray[np.float64]:
    """Dice of each test scan and label."""
    files = {row["scan"]: row["label"] for row in read_table(study / "scans.tsv")}
    tests = [
        row["scan"] for row in read_table(study / "splits.tsv") if row["role"] == "test"
    ]
    return np.array(
        [
            list(
                _dice(
                    read_volume(predictions / f"{scan}.nii.gz").array,
                    read_volume(study / "canonical" / files[scan]).array,
                )
            )
            for scan in tests
        ]
    )


def _dice(predicted: NDArray[Any], label: NDArray[Any]) -> Iterator[float]:
    """Dice of each label."""
    for value in LABELS:
        a, b = predicted == value, label == value
        yield 2 * np.sum(a & b) / (np.sum(a) + np.sum(b))


def main() -> None:
    """Train, score, print one row a contestant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where to work")
    parser.add_argument("--minutes", type=float, default=20.0, help="for a network")
    parser.add_argument("--norms", nargs="+", default=NORMS)
    parser.add_argument("--nnunet", type=Path, help="python with nnunetv2")
    given = parser.parse_args()
    study = train_ours(given.folder / "ours", given.norms, given.minutes)
    rows = []
    for norm in given.norms:
        (model,) = study.glob(f"runs/zscore/{norm}/standard/pooled/seed-0/model.json")
        facts = read_json(model)
        minutes = facts["steps"] * facts["seconds_per_step"] / 60
        patches = facts["steps"] * facts["batch_size"]
        folder = study / f"predictions/zscore/{norm}/standard/none/pooled/seed-0"
        rows.append((f"medinorm, {norm}", facts["steps"], patches, minutes, folder))
    peers = [("MONAI loop", "monai_peer.py", Path(sys.executable))]
    peers += [("nnU-Net", "nnunet_peer.py", given.nnunet)] if given.nnunet else []
    for name, script, python in peers:
        to = given.folder / script.removesuffix(".py")
        facts = train_peer(script, python, study, to, given.minutes)
        minutes = facts["cpu_minutes"]
        rows.append(
            (name, facts["steps"], facts["patches"], minutes, to / "predictions")
        )
    print(f"{'':22}{'steps':>8}{'patches':>9}{'minutes':>9}{'anterior':>10}", end="")
    print(f"{'posterior':>10}{'mean':>8}")
    for name, steps, patches, minutes, folder in rows:
        anterior, posterior = score(study, folder).mean(axis=0)
        mean = (anterior + posterior) / 2
        print(f"{name:22}{steps:8}{patches:9}{minutes:9.1f}{anterior:10.4f}", end="")
        print(f"{posterior:10.4f}{mean:8.4f}")


if __name__ == "__main__":
    main()
