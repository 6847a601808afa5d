"""The tables that show more than means over domains, written together."""

from collections.abc import Sequence
from pathlib import Path

from medinorm.evidence.beyond_means.components import tabulate_components
from medinorm.evidence.beyond_means.ranks import (
    find_orders,
    tabulate_rank_agreement,
    tabulate_rank_probabilities,
    tabulate_ranks,
)
from medinorm.evidence.beyond_means.recovered import tabulate_recovered
from medinorm.evidence.beyond_means.unseen_domains import (
    tabulate_unseen_domains,
    tabulate_unseen_labels,
    tabulate_worst_domains,
)
from medinorm.evidence.study_scores import StudyScores
from medinorm.files.records import write_records
from medinorm.records.beyond_means import (
    ComponentRow,
    RankAgreementRow,
    RankProbabilityRow,
    RankRow,
    RecoveredRow,
    UnseenDomainRow,
    UnseenLabelRow,
    WorstDomainRow,
)
from medinorm.variant import Variant


def write_beyond_means(
    folder: Path,
    study: StudyScores,
    ranked: Sequence[Variant],
    reference: Variant | None,
    *,
    threshold: float,
) -> None:
    """Write the tables of `medinorm.records.beyond_means`.

    Args:
        folder: where to.
        study: the scores.
        ranked: the variants that have a rank, best first; empty if nothing is ranked.
        reference: the variant with the usual norm, if there is one.
        threshold: a Dice below it is low.
    """
    confidence = study.settings.confidence
    orders = find_orders(study, ranked)
    write_records(
        folder / "unseen_domains.tsv",
        tabulate_unseen_domains(study, ranked, threshold),
        UnseenDomainRow,
    )
    for name, rows, kind in (
        ("worst_domains", tabulate_worst_domains(study), WorstDomainRow),
        ("unseen_labels", tabulate_unseen_labels(study), UnseenLabelRow),
        ("ranks", tabulate_ranks(orders, ranked, confidence), RankRow),
        (
            "rank_probabilities",
            tabulate_rank_probabilities(orders, ranked),
            RankProbabilityRow,
        ),
        (
            "rank_agreement",
            tabulate_rank_agreement(orders, confidence),
            RankAgreementRow,
        ),
        ("components", tabulate_components(study, ranked), ComponentRow),
        ("recovered", tabulate_recovered(study, reference), RecoveredRow),
    ):
        write_records(folder / f"{name}.tsv", rows, kind)
