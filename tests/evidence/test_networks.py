"""Each network has its weights, and what its training took as far as it is recorded."""

import json

from medinorm.files.tables import read_table

VARIANTS = [
    ("zscore", "batch", "flip", adapt) for adapt in ("none", "batch_statistics")
]


def test_networks_have_weights_checksum_and_cost(comparison):
    study = comparison({"ge": 2, "philips": 2})
    for variant in VARIANTS:
        study.add(variant, lambda *_: 0.5)
    split = min(split for _, split, _ in study.all_splits())
    folder = study.folder / "runs/zscore/batch/flip" / split / "seed-0"
    folder.mkdir(parents=True)
    record = {"medinorm": {"checksum": "ab"}, "seconds_per_step": 0.5, "steps": 30}
    (folder / "model.json").write_text(json.dumps(record | {"threads": True}))
    rows = read_table(study.compare() / "networks.tsv")
    # An adaptation at test time has no network of its own.
    assert len(rows) == len(list(study.all_splits())) * len(study.seeds)
    assert {row["adapt"] for row in rows} == {"none"}
    (row,) = (row for row in rows if (row["split"], row["seed"]) == (split, "0"))
    assert row["weights"] == f"runs/zscore/batch/flip/{split}/seed-0/model.safetensors"
    assert (row["checksum"], row["seconds"], row["threads"]) == ("ab", "15", "")
    other = rows[-1]
    assert (other["checksum"], other["seconds"]) == ("", "")
