"""From scores to statements: the tables of the comparison and its verdict."""

import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from medinorm import __version__
from medinorm.config import EvidenceConfig
from medinorm.domain import DomainNoun
from medinorm.evidence.cases import read_cases
from medinorm.evidence.columns import (
    CASE_COLUMNS,
    DIFFERENCE_COLUMNS,
    DOMAIN_COLUMNS,
    EFFECT_COLUMNS,
    FAIRNESS_COLUMNS,
    GAP_COLUMNS,
    RANKING_COLUMNS,
    SUMMARY_COLUMNS,
)
from medinorm.evidence.differences import tabulate_differences, tabulate_ranking
from medinorm.evidence.effects import tabulate_effects
from medinorm.evidence.fairness import tabulate_fairness
from medinorm.evidence.study import Cells, Study
from medinorm.evidence.summary import (
    tabulate_domains,
    tabulate_gaps,
    tabulate_summary,
)
from medinorm.evidence.verdict import Findings, find_obstacle, reach_verdict
from medinorm.files.atomic import write_json
from medinorm.files.tables import write_table

_log = logging.getLogger(__name__)


def weigh_evidence(
    scores: Sequence[Path],
    splits: Path,
    runs: Path,
    evidence: Path,
    *,
    domain: Sequence[str],
    settings: EvidenceConfig,
) -> None:
    """Compare the variants of a study and say what can be said.

    Writes `cases`, `domains`, `gaps`, `summary`, `differences`, `effects`, `ranking`
    and `fairness` (``.tsv``, columns in `medinorm.evidence.columns`) and
    `verdict.json`.
    Where a design is absent, its columns are empty and the verdict says why; the table
    of ranks is empty unless variants may be ranked.

    Args:
        scores: tables of scores.
        splits: `splits.tsv`.
        runs: folder of all trained networks.
        evidence: folder to write to.
        domain: columns that define the domains; the verdict takes its words from them.
        settings: level of the intervals, resamples, region of practical equivalence.

    Raises:
        StageError: there are no scores, or they do not belong to `splits`.
    """
    cases = read_cases(scores, splits)
    study = Study.of(cases, settings, DomainNoun.of(domain))
    obstacle = find_obstacle(study)
    findings = Findings(
        summary=list(tabulate_summary(study)),
        differences=tabulate_differences(study),
        ranking=[] if obstacle else tabulate_ranking(study),
    )
    tables: Mapping[str, tuple[Sequence[str], Iterable[Cells]]] = {
        "cases": (CASE_COLUMNS, _records(cases)),
        "domains": (DOMAIN_COLUMNS, tabulate_domains(study)),
        "gaps": (GAP_COLUMNS, tabulate_gaps(study)),
        "summary": (SUMMARY_COLUMNS, findings.summary),
        "differences": (DIFFERENCE_COLUMNS, findings.differences),
        "effects": (EFFECT_COLUMNS, tabulate_effects(study)),
        "ranking": (RANKING_COLUMNS, findings.ranking),
        "fairness": (FAIRNESS_COLUMNS, tabulate_fairness(cases, runs)),
    }
    for name, (columns, rows) in tables.items():
        write_table(evidence / f"{name}.tsv", map(_without_nan, rows), columns)
    verdict = reach_verdict(study, findings)
    made = {
        "version": __version__,
        "domain": list(domain),
        "settings": settings.model_dump(mode="json"),
    }
    write_json(evidence / "verdict.json", verdict | made)
    for sentence in verdict["sentences"]:
        _log.info("%s", sentence)


def _records(cases: pd.DataFrame) -> Iterator[Cells]:
    """The rows of a frame."""
    columns = (cases[name] for name in CASE_COLUMNS)
    for values in zip(*columns, strict=True):
        yield dict(zip(CASE_COLUMNS, values, strict=True))


def _without_nan(row: Cells) -> Cells:
    """A row whose unknown numbers are empty cells."""
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in row.items()
    }
