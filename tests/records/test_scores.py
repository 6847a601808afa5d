"""The table of scores: its columns, and what they are read as."""

from medinorm.files.records import column_names, read_records, write_records
from medinorm.records.metrics import METRICS
from medinorm.records.scores import ScoreRow
from medinorm.variant import Variant

VARIANT = Variant("zscore", "batch", "flip", "none")
SCORED = ScoreRow(
    *(VARIANT, "pooled", 3, "a", 1, "scored"),
    dict.fromkeys(METRICS, 0.25) | {"dice": 0.5, "hd95": 4.0},
    voxels_label=10,
    voxels_prediction=12,
    voxel_ml=0.001,
)
EMPTY = ScoreRow(
    *(VARIANT, "pooled", 3, "a", 2, "empty"),
    dict.fromkeys(METRICS),
    voxels_label=0,
    voxels_prediction=0,
)


def test_metrics_are_columns_between_the_state_and_the_counts():
    assert column_names(ScoreRow) == (
        *(
            "intensity",
            "norm",
            "augmentation",
            "adapt",
            "split",
            "seed",
            "scan",
            "label",
            "state",
        ),
        *(*METRICS, "voxels_label", "voxels_prediction", "voxel_ml"),
    )


def test_scores_are_read_as_they_were_written(tmp_path):
    write_records(tmp_path / "scores.tsv", [SCORED, EMPTY], ScoreRow)
    found = read_records(tmp_path / "scores.tsv", ScoreRow)
    assert found == [SCORED, EMPTY]
    assert [row.dice for row in found] == [0.5, None]
