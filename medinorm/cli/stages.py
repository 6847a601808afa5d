"""The stages as the command line and the Snakefile see them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medinorm import config
from medinorm.config.section import Section

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Stage:
    """One subcommand.

    Args:
        target: the function behind it, as ``module:function``.
        summary: what it does, in one sentence.
        files: its positional arguments, in order, with their help. All are paths; help
            that begins with "tables" takes several.
        options: flags that select the work, with how argparse reads them.
        sections: keyword of the function, and the section whose keys are its flags.
    """

    target: str
    summary: str
    files: Mapping[str, str]
    options: Options = field(default_factory=dict)
    sections: tuple[tuple[str, type[Section]], ...] = ()


_PRIVATE: dict[str, Any] = {
    "private": {
        "type": Path,
        "default": Path("private"),
        "metavar": "FOLDER",
        "help": "folder of the pseudonym key and the private tables [private]",
    }
}
_SHARD: dict[str, Any] = {
    "shard": {"type": int, "default": 0, "help": "which part of the work, from 0 [0]"},
    "shards": {"type": int, "default": 1, "help": "into how many parts [1]"},
}
_COLUMNS: dict[str, Any] = {
    "columns": {
        "nargs": "*",
        "default": (),
        "metavar": "COLUMN",
        "help": "columns of yours that may appear in results; all others stay private",
    }
}
_DOMAIN: dict[str, Any] = {
    "domain": {
        "nargs": "+",
        "default": ("scanner",),
        "metavar": "COLUMN",
        "help": "columns that define the domains; the verdict takes its words from "
        "them [scanner]",
    }
}
_INTENSITY: dict[str, Any] = {
    "intensity": {"required": True, "help": "intensity method"}
}
_NORM: dict[str, Any] = {"norm": {"required": True, "help": "normalization layer"}}
_ADAPT: dict[str, Any] = {
    "adapt": {"default": "none", "help": "test-time adaptation [none]"}
}
_SPLIT: dict[str, Any] = {
    "split": {"required": True, "help": "split, as in splits.tsv"}
}
_SEEDS: dict[str, Any] = {
    "seeds": {"type": int, "nargs": "+", "required": True, "help": "seeds of training"}
}
_OPTIONS: dict[str, Any] = {
    "norm_options": {
        "default": "{}",
        "metavar": "JSON",
        "help": "arguments of the layer as JSON [{}]",
    }
}

_FITTED: dict[str, Any] = {
    "fitted": {"type": Path, "help": "fitted map, if the method has one"},
    "splits": {"type": Path, "help": "splits.tsv, to check the fitted map with"},
    "split": {"help": "split whose training scans it was fitted on"},
}

_TITLE: dict[str, Any] = {
    "title": {"default": "medinorm study", "help": "title of the page"}
}

_SCANS = {"scans": "scans.tsv", "canonical": "folder of canonical volumes"}
_SPLITS = {"splits": "splits.tsv"}
_STATUS = {"status": "status table to write, one row a scan"}

STAGES: Mapping[str, Stage] = {
    "demo": Stage(
        target="medinorm.demo.study:write_demo",
        summary="Simulate scanners on real anatomy; write DICOM series and label maps.",
        files={
            "dicom": "folder for the DICOM series",
            "labels": "table of label maps to write",
        },
        sections=(("settings", config.DemoConfig),),
    ),
    "fetch": Stage(
        target="medinorm.ingest.pacs.fetch:fetch_series",
        summary="Download from a PACS the series that a query finds.",
        files={"folder": "private folder to write series and fetched.tsv to"},
        options=_PRIVATE,
        sections=(("pacs", config.PacsConfig),),
    ),
    "index": Stage(
        target="medinorm.ingest.index:index_input",
        summary="Look at every input file once; read headers, never pixels.",
        files={"index": "private index to write, a row of JSON for each file"},
        options=_PRIVATE,
        sections=(("input", config.InputConfig),),
    ),
    "plan": Stage(
        target="medinorm.ingest.plan.stage:plan_scans",
        summary="Find the candidate scans and say what is to become of each file.",
        files={
            "index": "private index of the input",
            "plan": "private table to write; files.tsv goes into the private folder",
        },
        options=_PRIVATE,
        sections=(("input", config.InputConfig), ("ingest", config.IngestConfig)),
    ),
    "convert": Stage(
        target="medinorm.ingest.convert.stage:convert_scans",
        summary="Check and de-identify candidates; write canonical volumes.",
        files={
            "plan": "private table of candidates",
            "canonical": "folder of canonical volumes to write",
            **_STATUS,
        },
        options=_PRIVATE | _SHARD | _COLUMNS,
        sections=(("input", config.InputConfig), ("ingest", config.IngestConfig)),
    ),
    "collect": Stage(
        target="medinorm.ingest.collect.stage:collect_scans",
        summary="Account for every file and candidate: usable scans, excluded ones.",
        files={
            "plan": "private table of candidates",
            "files": "private table of files",
            "canonical": "folder of canonical volumes; files of no scan are deleted",
            "scans": "scans.tsv to write",
            "excluded": "table of excluded scans to write",
            "account": "table to write: how many files ended how",
            "statuses": "tables written by convert",
        },
    ),
    "ingest": Stage(
        target="medinorm.ingest.stage:ingest_scans",
        summary="Index, plan, convert and collect in one go.",
        files={"results": "folder to write scans.tsv and canonical volumes to"},
        options=_PRIVATE | _COLUMNS,
        sections=(("input", config.InputConfig), ("ingest", config.IngestConfig)),
    ),
    "split": Stage(
        target="medinorm.split.stage:split_scans",
        summary="Decide by subject who trains and who tests.",
        files={
            "scans": "scans.tsv",
            "excluded_by_ingest": "scans that ingest excluded",
            "splits": "splits.tsv to write",
            "excluded": "excluded.tsv to write: those of ingest and of the split",
        },
        sections=(("settings", config.SplitConfig),),
    ),
    "fit": Stage(
        target="medinorm.harmonize.fit:fit_intensity",
        summary="Fit an intensity map on the training scans of one split only.",
        files=_SCANS | _SPLITS | {"target": "fitted map to write, JSON"},
        options=_INTENSITY | _SPLIT,
        sections=(("settings", config.HarmonizeConfig),),
    ),
    "harmonize": Stage(
        target="medinorm.harmonize.stage:harmonize_scans",
        summary="Bring scans to the study's voxel grid and intensity scale.",
        files=_SCANS | {"harmonized": "folder to write to"} | _STATUS,
        options=_INTENSITY | _FITTED | _SHARD,
        sections=(("settings", config.HarmonizeConfig),),
    ),
    "train": Stage(
        target="medinorm.train.stage:train_networks",
        summary="Train one network for each seed; resume what was interrupted.",
        files=_SPLITS
        | {
            "harmonized": "folder of harmonized scans",
            "runs": "folder to write the networks to",
            "status": "status table to write, one row a seed",
        },
        options=_INTENSITY | _NORM | _OPTIONS | _SPLIT | _SEEDS,
        sections=(("task", config.TaskConfig), ("settings", config.TrainConfig)),
    ),
    "predict": Stage(
        target="medinorm.predict.stage:predict_scans",
        summary="Segment the test scans of one split with its trained networks.",
        files=_SCANS
        | _SPLITS
        | {
            "harmonized": "folder of harmonized scans",
            "runs": "folder of trained networks",
            "predictions": "folder to write label maps to",
            **_STATUS,
        },
        options=_ADAPT | _SPLIT | _SEEDS,
        sections=(("settings", config.PredictConfig),),
    ),
    "score": Stage(
        target="medinorm.score.stage:score_predictions",
        summary="Compare predictions with label maps: Dice, HD95, surface Dice.",
        files=_SCANS
        | _SPLITS
        | {
            "predictions": "folder of predicted label maps",
            "scores": "table of scores to write",
        },
        options=_INTENSITY | _NORM | _ADAPT | _SPLIT | _SEEDS,
        sections=(("input", config.TaskConfig), ("score", config.ScoreConfig)),
    ),
    "evidence": Stage(
        target="medinorm.evidence.stage:compare_variants",
        summary="Turn scores into gaps, intervals and a ranking, or refuse to rank.",
        files=_SPLITS
        | {
            "runs": "folder of trained networks",
            "evidence": "folder to write the tables to",
            "scores": "tables written by score",
        },
        options=_DOMAIN,
        sections=(("settings", config.EvidenceConfig),),
    ),
    "report": Stage(
        target="medinorm.report.pages.report_page:write_report",
        summary="Write the comparison as one offline HTML page.",
        files=_SCANS
        | {"excluded": "excluded.tsv", "account": "how many input files ended how"}
        | _SPLITS
        | {
            "evidence": "folder of the comparison's tables",
            "predictions": "folder of predicted label maps",
            "report": "HTML file to write",
        },
        options=_TITLE
        | {"harmonized": {"type": Path, "help": "folder of all harmonized scans"}},
        sections=(
            ("input", config.TaskConfig),
            ("harmonize", config.HarmonizeConfig),
            ("train", config.TrainConfig),
            ("score", config.ScoreConfig),
            ("settings", config.ReportConfig),
        ),
    ),
    "thumbnails": Stage(
        target="medinorm.report.figures.previews:draw_previews",
        summary="Draw a small picture of each scan with its labels.",
        files=_SCANS | {"previews": "folder to write previews to"} | _STATUS,
        options=_SHARD,
        sections=(("input", config.TaskConfig),),
    ),
    "qc": Stage(
        target="medinorm.report.pages.quality_page:write_quality_page",
        summary="Write the quality page: each scan at a glance, and what was left out.",
        files={
            "scans": "scans.tsv",
            "excluded": "excluded.tsv",
            "previews": "folder of the previews",
            "page": "HTML file to write",
            "statuses": "tables written by thumbnails",
        },
        options=_TITLE,
        sections=(("input", config.TaskConfig),),
    ),
    "strict": Stage(
        target="medinorm.ingest.strict:require_all",
        summary="Fail if any scan was excluded.",
        files={"excluded": "excluded.tsv"},
    ),
    "export": Stage(
        target="medinorm.ingest.export:export_dicom",
        summary="Write de-identified copies of DICOM images as DICOM.",
        files={
            "source": "folder of DICOM files, ZIP archives included",
            "output": "new or empty folder to write the copies to",
        },
        options=_PRIVATE,
        sections=(("settings", config.ExportConfig),),
    ),
    "audit": Stage(
        target="medinorm.audit.stage:audit_folder",
        summary="Search what is to be shared for known identifiers; fail if one is in.",
        files={"folder": "folder to search, packed files included"},
        options={
            "known": {
                "type": Path,
                "required": True,
                "metavar": "FILE",
                "help": "text file with one identifier a line: names, numbers, dates",
            }
        },
    ),
    "schema": Stage(
        target="medinorm.config.reference:write_reference",
        summary="Write the JSON schema and the key reference of the configuration.",
        files={"folder": "folder to write schema.json and README.md to"},
    ),
}
