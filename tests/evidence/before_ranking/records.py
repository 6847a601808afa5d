"""Records of trainings, as the train stage writes them."""

import json

RECORD = {
    "parameters": 1000,
    "training_scans": 12,
    "steps": 300,
    "learning_rate": 0.003,
    "batch_size": 2,
    "augmentation": "flip",
    "threads": 1,
    "seconds_per_step": 0.1,
    "peak_memory_mb": 500.0,
    "final_loss": 0.3,
}


def write_record(study, norm, split, seed, **changes):
    """Write the record of one run; gives its folder."""
    folder = study.folder / "runs" / "zscore" / norm / "flip" / split / f"seed-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(json.dumps(RECORD | changes))
    return folder


def write_all_records(study, norms=("batch", "group"), designs=None, **changes):
    """Write the same record for all runs of a study."""
    for _, split, _ in study.all_splits(designs or ("lodo", "pooled")):
        for norm in norms:
            for seed in study.seeds:
                write_record(study, norm, split, seed, **changes)
