"""Train nnU-Net for some CPU minutes and segment the test scans: a peer of ours.

    python benchmarks/nnunet_peer.py STUDY FOLDER --minutes 20

Needs an environment with `nnunetv2`. Called by `benchmarks/hippocampus.py`, which
scores all peers alike. The plan, the preprocessing, the augmentation, the loss and the
step are nnU-Net's own; only the end of training is set by CPU time, and the schedule
of the learning rate is stretched over that time. One thread, one process.
"""

import argparse
import json
import os
import time
from pathlib import Path

NAME = "Dataset001_Peer"


def read_scans(study: Path, role: str) -> list[tuple[str, Path, Path]]:
    """Name, image and label map of the scans of the pooled split."""
    header, *rows = (
        line.split("\t") for line in (study / "splits.tsv").read_text().splitlines()
    )
    known = [dict(zip(header, row, strict=True)) for row in rows]
    head, *scans = (
        line.split("\t") for line in (study / "scans.tsv").read_text().splitlines()
    )
    files = {
        row[head.index("scan")]: dict(zip(head, row, strict=True)) for row in scans
    }
    return [
        (
            row["scan"],
            study / "canonical" / files[row["scan"]]["image"],
            study / "canonical" / files[row["scan"]]["label"],
        )
        for row in known
        if row["design"] == "pooled" and row["role"] == role
    ]


def prepare(study: Path, folder: Path) -> None:
    """Put the training scans where nnU-Net wants them; plan and preprocess."""
    raw = folder / "raw" / NAME
    for sub in ("imagesTr", "labelsTr", "imagesTs"):
        (raw / sub).mkdir(parents=True, exist_ok=True)
    training = [*read_scans(study, "train"), *read_scans(study, "validation")]
    for name, image, label in training:
        link(raw / "imagesTr" / f"{name}_0000.nii.gz", image)
        link(raw / "labelsTr" / f"{name}.nii.gz", label)
    for name, image, _ in read_scans(study, "test"):
        link(raw / "imagesTs" / f"{name}_0000.nii.gz", image)
    content = {
        "channel_names": {"0": "MRI"},
        "labels": {"background": 0, "anterior": 1, "posterior": 2},
        "numTraining": len(training),
        "file_ending": ".nii.gz",
    }
    (raw / "dataset.json").write_text(json.dumps(content))
    from nnunetv2.experiment_planning.plan_and_preprocess_api import (  # noqa: PLC0415
        extract_fingerprints,
        plan_experiments,
        preprocess,
    )

    extract_fingerprints([1], num_processes=1, check_dataset_integrity=False)
    plan_experiments([1])
    preprocess([1], configurations=["3d_fullres"], num_processes=[1])


def link(target: Path, source: Path) -> None:
    """A link, made once."""
    if not target.exists():
        target.symlink_to(source.resolve())


def train(folder: Path, minutes: float) -> dict[str, float]:
    """Train until the CPU time is used up; facts of the run."""
    import torch  # noqa: PLC0415
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import (  # noqa: PLC0415
        nnUNetTrainer,
    )

    torch.set_num_threads(1)
    torch.manual_seed(0)
    made = folder / "preprocessed" / NAME
    plans = json.loads((made / "nnUNetPlans.json").read_text())
    plans["continue_training"] = False  # as its own command line sets it
    described = json.loads((made / "dataset.json").read_text())
    trainer = nnUNetTrainer(
        plans, "3d_fullres", "all", described, device=torch.device("cpu")
    )
    trainer.on_train_start()
    trainer.network.train()
    began, steps = time.process_time(), 0
    while (used := (time.process_time() - began) / 60) < minutes:
        # nnU-Net's own polynomial schedule, over CPU time instead of epochs.
        rate = trainer.initial_lr * (1 - used / minutes) ** 0.9
        for group in trainer.optimizer.param_groups:
            group["lr"] = rate
        loss = trainer.train_step(next(trainer.dataloader_train))["loss"]
        steps += 1
        if steps % 10 == 0:
            print(f"{used:.1f} min, step {steps}, loss {float(loss):.3f}", flush=True)
    seconds = time.process_time() - began
    trainer.save_checkpoint(str(Path(trainer.output_folder) / "checkpoint_final.pth"))
    size = trainer.configuration_manager.batch_size
    return {
        "steps": steps,
        "batch_size": size,
        "patches": steps * size,
        "cpu_minutes": seconds / 60,
        "seconds_per_step": seconds / steps,
        "patch": list(trainer.configuration_manager.patch_size),
        "output": str(trainer.output_folder_base),
    }


def predict(folder: Path, model: str) -> None:
    """Segment the test scans."""
    import torch  # noqa: PLC0415
    from nnunetv2.inference.predict_from_raw_data import (  # noqa: PLC0415
        nnUNetPredictor,
    )

    predictor = nnUNetPredictor(
        device=torch.device("cpu"), use_mirroring=False, allow_tqdm=False
    )
    predictor.initialize_from_trained_model_folder(model, ("all",))
    (folder / "predictions").mkdir(exist_ok=True)
    predictor.predict_from_files_sequential(
        str(folder / "raw" / NAME / "imagesTs"),
        str(folder / "predictions"),
        overwrite=True,
    )


def main() -> None:
    """Prepare, train, predict."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", type=Path, help="results folder of the pooled study")
    parser.add_argument("folder", type=Path, help="where to work")
    parser.add_argument("--minutes", type=float, default=20.0)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    # nnU-Net reads these when it is imported.
    for name in ("raw", "preprocessed", "results"):
        os.environ[f"nnUNet_{name}"] = str((given.folder / name).resolve())
    os.environ |= {
        "nnUNet_compile": "false",
        "nnUNet_n_proc_DA": "1",  # the planner takes it for its threads
    }
    if not (given.folder / "preprocessed" / NAME / "nnUNetPlans.json").exists():
        prepare(given.study, given.folder)
    os.environ |= {"nnUNet_n_proc_DA": "0"}  # no process beside this one
    facts = train(given.folder, given.minutes)
    predict(given.folder, facts["output"])
    (given.folder / "facts.json").write_text(json.dumps(facts))
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
