"""What an earlier version left is deleted; what is used stays."""

from medinorm.layout import Layout
from medinorm.workflow.superseded import discard_superseded

OLD = [
    "runs/zscore/batch/pooled/batch-0.tsv",
    "predictions/zscore/batch/none/pooled/batch-0.tsv",
    "scores/zscore/batch/none/pooled/batch-12.tsv",
    "thumbnails/sub-1.png",
    "thumbnails/sub-1.json",
    "thumbnails/status/shard-0.tsv",
    "logs/thumbnails/0.log",
]
KEPT = [
    "runs/zscore/batch/pooled/job-0.tsv",
    "runs/zscore/batch/pooled/seed-0/model.safetensors",
    "predictions/zscore/batch/none/pooled/seed-0/batch-1.nii.gz",
    "previews/sub-1.png",
    "logs/train/0.log",
]


def test_old_files_go_and_their_empty_folders(tmp_path):
    results = tmp_path / "my [results]"
    for name in [*OLD, *KEPT, "thumbnails.tsv"]:
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).touch()
    discard_superseded(Layout(str(results), "private"))
    left = {str(p.relative_to(results)) for p in results.rglob("*") if p.is_file()}
    assert left == {*KEPT, "thumbnails.tsv"}
    assert not (results / "thumbnails").exists()
    assert not (results / "scores").exists()


def test_what_is_not_ours_stays(tmp_path):
    theirs = tmp_path / "thumbnails" / "poster.svg"
    theirs.parent.mkdir()
    theirs.touch()
    discard_superseded(Layout(str(tmp_path), "private"))
    assert theirs.exists()


def test_a_study_that_has_not_begun_is_left_alone(tmp_path):
    discard_superseded(Layout(str(tmp_path / "none"), "private"))
    assert list(tmp_path.iterdir()) == []
