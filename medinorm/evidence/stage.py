"""From scores to statements: the tables of the comparison and its verdict."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from medinorm.columns.calibration import read_calibration
from medinorm.columns.cases import Cases, write_cases
from medinorm.columns.scores import read_scores
from medinorm.config import EvidenceConfig
from medinorm.config.score import FAILURE_DICE
from medinorm.domain_noun import DomainNoun
from medinorm.evidence.before_ranking.fairness import (
    find_unequal_training,
    tabulate_fairness,
)
from medinorm.evidence.before_ranking.learning import find_unlearned, tabulate_curves
from medinorm.evidence.before_ranking.obstacles import (
    find_damaged_seeds,
    find_obstacle,
)
from medinorm.evidence.before_ranking.run_records import RunRecords
from medinorm.evidence.before_ranking.selection import find_oracle_selection
from medinorm.evidence.before_ranking.weaknesses import find_weaknesses
from medinorm.evidence.beyond_means.calibration import write_calibration
from medinorm.evidence.beyond_means.mechanism import write_mechanism
from medinorm.evidence.beyond_means.write import write_beyond_means
from medinorm.evidence.cases import join_cases
from medinorm.evidence.differences import tabulate_differences, tabulate_ranking
from medinorm.evidence.effects import tabulate_effects
from medinorm.evidence.failures import tabulate_failures
from medinorm.evidence.networks import tabulate_networks
from medinorm.evidence.study_scores import StudyScores
from medinorm.evidence.summary import (
    tabulate_domains,
    tabulate_gaps,
    tabulate_summary,
)
from medinorm.evidence.verdict import Comparison, reach_verdict
from medinorm.files.records import read_records, write_records
from medinorm.jobs.declare import stage
from medinorm.records.calibration import is_calibration
from medinorm.records.evidence import (
    CurveRow,
    DifferenceRow,
    DomainRow,
    EffectRow,
    FailureRow,
    FairnessRow,
    GapRow,
    NetworkRow,
    RankingRow,
    SummaryRow,
)
from medinorm.records.learning_rates import RateRow
from medinorm.records.scans import SplitRow
from medinorm.records.verdict import write_verdict

_log = logging.getLogger(__name__)


@stage("evidence", after="score")
def compare_variants(  # noqa: PLR0913  (one argument a flag)
    scores: Sequence[Path],
    splits: Path,
    runs: Path,
    evidence: Path,
    *,
    domain: Sequence[str] = ("scanner",),
    learning_rates: Sequence[Path] = (),
    predicted: Sequence[Path] = (),
    failure: float = FAILURE_DICE,
    settings: EvidenceConfig,
) -> None:
    """Compare the variants of a study, and write what the comparison shows.

    Writes `cases`, `failures`, `calibration`, `error_retention`, `drift`,
    `probe`, `domains`, `gaps`, `summary`, `differences`, `effects`, `ranking`,
    `fairness`, `curves`, `learning_rates` and `networks` (``.tsv``, rows in
    `medinorm.records`), the tables of `medinorm.records.beyond_means` and
    `verdict.json`. Where a design is absent, its columns are empty and the verdict says
    why; the tables of ranks are empty unless variants may be ranked.

    Args:
        scores: tables of scores, Parquet or text.
        splits: `splits.tsv`.
        runs: folder of all trained networks.
        evidence: folder to write to; `cases` are Parquet there, and text too up to
            200,000 rows.
        domain: columns that define the domains; the verdict takes its words from them.
        learning_rates: tables of choose-rate, if learning rates were compared.
        predicted: status tables of predict; what the norms do lies beside them.
        failure: a prediction with a Dice below it has failed.
        settings: level of the intervals, resamples, region of practical equivalence.

    Raises:
        StageError: there are no scores, or they do not belong to `splits`.
    """
    # A pattern for tables of scores may match what lies beside them.
    scores = [path for path in scores if not is_calibration(path)]
    roles = read_records(splits, SplitRow)
    cases = _join_and_write(scores, roles, failure, evidence)
    study = StudyScores.of(cases, settings, DomainNoun.of(domain), failure)
    curves = list(tabulate_curves(cases, runs))
    searched = [row for path in learning_rates for row in read_records(path, RateRow)]
    trained = RunRecords.of(cases, runs)
    obstacle = (
        find_obstacle(study)
        or find_unequal_training(trained)
        or find_damaged_seeds(cases, trained)
        or find_oracle_selection(trained, roles, searched)
        or find_unlearned(cases, curves)
    )
    comparison = Comparison(
        summary=list(tabulate_summary(study)),
        domains=list(tabulate_domains(study)),
        differences=tabulate_differences(study),
        ranking=[] if obstacle else tabulate_ranking(study),
        obstacle=obstacle,
    )
    write_records(evidence / "failures.tsv", tabulate_failures(cases), FailureRow)
    write_calibration(evidence, read_calibration(scores), cases)
    write_mechanism(evidence, predicted, roles, settings.confidence)
    write_records(evidence / "domains.tsv", comparison.domains, DomainRow)
    write_records(evidence / "gaps.tsv", tabulate_gaps(study), GapRow)
    write_records(evidence / "summary.tsv", comparison.summary, SummaryRow)
    write_records(evidence / "differences.tsv", comparison.differences, DifferenceRow)
    write_records(evidence / "effects.tsv", tabulate_effects(study), EffectRow)
    write_records(evidence / "ranking.tsv", comparison.ranking, RankingRow)
    write_records(evidence / "fairness.tsv", tabulate_fairness(trained), FairnessRow)
    write_records(evidence / "curves.tsv", curves, CurveRow)
    write_records(evidence / "learning_rates.tsv", searched, RateRow)
    networks = tabulate_networks(cases, runs)
    write_records(evidence / "networks.tsv", networks, NetworkRow)
    weaknesses = find_weaknesses(study, trained, roles)
    verdict = replace(
        reach_verdict(study, comparison, domain), weaknesses=tuple(weaknesses)
    )
    ranked = [row.variant for row in comparison.ranking]
    write_beyond_means(evidence, study, ranked, verdict.reference, threshold=failure)
    write_verdict(evidence / "verdict.json", verdict, comparison.names)
    for weakness in weaknesses:
        _log.warning("%s", weakness)
    for sentence in verdict.sentences:
        _log.info("%s", sentence)


def _join_and_write(
    scores: Sequence[Path], roles: Sequence[SplitRow], failure: float, evidence: Path
) -> Cases:
    """Write the cases, and keep those columns that all tables are made from."""
    cases = join_cases(read_scores(scores), roles, failure)
    write_cases(evidence, cases)
    return cases.stored_in(evidence)
