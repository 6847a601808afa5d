"""A tiny finished study on disk, as far as a bundle is made of it."""

from dataclasses import fields
from pathlib import Path

from medinorm.config import (
    HarmonizeConfig,
    NetworkConfig,
    PredictConfig,
    SplitConfig,
    TaskConfig,
    TrainConfig,
)
from medinorm.files.atomic import write_json
from medinorm.files.records import write_records
from medinorm.harmonize.fit import fit_intensity
from medinorm.harmonize.stage import harmonize_scans
from medinorm.layout import Layout, fill
from medinorm.predict.stage import predict_scans
from medinorm.records.evidence import SummaryRow
from medinorm.records.verdict import Verdict, write_verdict
from medinorm.report.figures.previews import draw_previews
from medinorm.split.stage import split_scans
from medinorm.train.stage import train_networks
from medinorm.variant import Variant

TASK = TaskConfig(label_values={1: "shell", 2: "core"})
VARIANT = Variant("nyul", "instance", "none", "none")


def write_finished_study(make_small_study, results, seeds=(0,)):
    """Harmonize, train, predict and summarize the small study; its layout."""
    small = make_small_study(results)
    layout = Layout(str(results), str(results.with_name("private")))
    places = VARIANT._asdict() | {"split": "pooled", "map": "pooled"}

    def path(text):
        return Path(fill(text, **places))

    split_scans(
        small.scans,
        results / "by_ingest.tsv",
        Path(layout.splits),
        Path(layout.excluded),
        settings=SplitConfig(folds=2),
    )
    settings = HarmonizeConfig(spacing=(1.5, 1.5, 1.5), foreground="image")
    data = (small.scans, small.canonical)
    fitted, harmonized = path(layout.intensity_map), path(layout.harmonized)
    fit_intensity(
        *data,
        small.splits,
        fitted,
        intensity="nyul",
        split="pooled",
        settings=settings.used_by("nyul", fitting=True),
    )
    harmonize_scans(
        *data,
        harmonized,
        results / "status.tsv",
        intensity="nyul",
        fitted=fitted,
        splits=small.splits,
        split="pooled",
        settings=settings.used_by("nyul"),
    )
    runs = path(layout.runs)
    train_networks(
        small.splits,
        harmonized,
        runs,
        results / "status.tsv",
        intensity="nyul",
        norm="instance",
        augmentation="none",
        norm_options="{}",
        split="pooled",
        seeds=list(seeds),
        task=TASK,
        settings=TrainConfig(
            recipe="fast",
            network=NetworkConfig(channels=(4, 8)),
            patch=(12, 12, 12),
            steps=25,
            learning_rate=2e-2,
        ),
    )
    predict_scans(
        *data,
        small.splits,
        harmonized,
        runs,
        path(layout.predictions),
        results / "status.tsv",
        split="pooled",
        seeds=list(seeds),
        settings=PredictConfig(overlap=0.5),
    )
    previews = Path(layout.previews)
    draw_previews(*data, previews, results / "status.tsv", input=TASK)
    _write_evidence(layout)
    return layout


def _write_evidence(layout):
    """The summary and the verdict of a study with one variant."""
    numbers = dict.fromkeys((field.name for field in fields(SummaryRow)), None)
    numbers |= {"out_domain": 0.7, "out_domain_low": 0.6, "out_domain_high": 0.8}
    numbers |= dict.fromkeys(
        ("scans", "subjects", "domains", "seeds", "failures", "empty"), 2
    )
    row = SummaryRow(**numbers | {"variant": VARIANT, "other_metrics": {}})
    write_records(Path(layout.evidence) / "summary.tsv", [row], SummaryRow)
    words = {field.name: () for field in fields(Verdict)}
    verdict = Verdict(
        **words
        | {"best": (VARIANT,), "reference": None, "domain": ("scanner",)}
        | {"settings": {}, "ranked": True}
    )
    write_verdict(Path(layout.verdict), verdict)


def change_json(path, change):
    """Change the entries of a JSON file in place."""
    from medinorm.files.atomic import read_json  # noqa: PLC0415

    values = read_json(path)
    change(values)
    write_json(path, values)
