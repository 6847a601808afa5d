"""The report: one offline HTML file with the verdict, its evidence and its limits."""

import logging
from pathlib import Path

from medinorm.config import (
    AutoHarmonizeConfig,
    AutoTrainConfig,
    ReportConfig,
    ScoreConfig,
    TaskConfig,
)
from medinorm.files.atomic import replacing
from medinorm.files.records import read_records
from medinorm.jobs.declare import stage
from medinorm.records.scans import AccountRow, read_scans
from medinorm.records.training_plan import read_training_plan
from medinorm.report.documents.checklists import write_documents
from medinorm.report.documents.multiqc import write_multiqc
from medinorm.report.findings import read_findings
from medinorm.report.html import write_page
from medinorm.report.section import ReportInputs, write_sections
from medinorm.report.text.methods import StageSettings
from medinorm.report.text.scores import warn_small_tolerance
from medinorm.training_plan.resolve import resolve_harmonize, resolve_train

_log = logging.getLogger(__name__)


@stage("report", after="evidence")
def write_report(  # noqa: PLR0913 (seven inputs, and the settings of four stages)
    report: Path,
    *,
    scans: Path,
    excluded: Path,
    account: Path,
    splits: Path,
    evidence: Path,
    canonical: Path,
    predictions: Path,
    title: str = "medinorm study",
    input: TaskConfig,  # noqa: A002 (the word of the configuration)
    settings: ReportConfig,
    harmonize: AutoHarmonizeConfig | None = None,
    train: AutoTrainConfig | None = None,
    score: ScoreConfig | None = None,
    harmonized: Path | None = None,
    training_plan: Path | None = None,
    against: Path | None = None,
) -> None:
    """Write the comparison as one HTML file that needs nothing beside it.

    Its sections are the functions declared in `medinorm.report.sections`. Scans and
    predictions are only read for figures: a file that cannot be read leaves a note in
    place of its figure. Beside it: checklists, a model card and tables for MultiQC.

    Args:
        report: the file to write.
        scans: `scans.tsv`.
        excluded: `excluded.tsv`.
        account: table of how many input files ended in which state.
        splits: `splits.tsv`.
        evidence: folder of the comparison's tables.
        canonical: folder of the de-identified volumes.
        predictions: folder of all predictions.
        title: of the report.
        input: the labels.
        settings: what the report shows.
        harmonize: for the methods text: the voxel grid and the intensity scale.
        train: for the methods text: the network and its training.
        score: for the methods text: the tolerance.
        harmonized: folder of all harmonized scans, to show their intensities.
        training_plan: the study's plan, to show it.
        against: folder `results/evidence` of another study, to show both side by side.

    Raises:
        ConfigError: a setting is `auto` and there is no plan.
        StageError: a table is missing, lacks a column or holds no variant.
    """
    labels = input.named_labels
    inputs = ReportInputs(
        title=title,
        findings=read_findings(scans, excluded, splits, evidence, labels),
        account=tuple(read_records(account, AccountRow)),
        volumes=read_scans(scans, canonical),
        evidence=evidence,
        predictions=predictions,
        harmonized=harmonized,
        settings=settings,
        stages=StageSettings(
            resolve_harmonize(harmonize, training_plan) if harmonize else None,
            resolve_train(train, training_plan, max(train.rates)) if train else None,
            score,
        ),
        plan=read_training_plan(training_plan) if training_plan else None,
        against=against,
    )
    if score and (
        warning := warn_small_tolerance(inputs.findings.scans, score.tolerance)
    ):
        _log.warning("%s", warning)
    page = write_page(
        "report_page", ("page",), title=title, sections=write_sections(inputs)
    )
    with replacing(report) as temporary:
        temporary.write_text(page, encoding="utf-8")
    write_documents(report.parent, inputs)
    write_multiqc(report.parent, inputs.findings)
    variants = len(inputs.findings.variants)
    _log.info("report: %d variants, %.1f MB", variants, len(page) / 1e6)
