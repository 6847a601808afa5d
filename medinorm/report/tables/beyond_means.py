"""The tables beyond means, read, and what several sections say about them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from medinorm.files.records import read_records
from medinorm.records.beyond_means import (
    ComponentRow,
    RankAgreementRow,
    RankingRule,
    RankProbabilityRow,
    RankRow,
    RecoveredRow,
    UnseenDomainRow,
    UnseenLabelRow,
    WorstDomainRow,
)

R = TypeVar("R")

RULES: dict[RankingRule, str] = {
    "mean_then_rank": "mean, then rank",
    "rank_then_mean": "rank on each scan, then mean",
    "test_based": "number of significant tests won",
}


@dataclass(frozen=True)
class BeyondMeans:
    """The tables of `medinorm.records.beyond_means`; empty where there is none."""

    unseen_domains: tuple[UnseenDomainRow, ...]
    worst_domains: tuple[WorstDomainRow, ...]
    unseen_labels: tuple[UnseenLabelRow, ...]
    ranks: tuple[RankRow, ...]
    rank_probabilities: tuple[RankProbabilityRow, ...]
    rank_agreement: tuple[RankAgreementRow, ...]
    components: tuple[ComponentRow, ...]
    recovered: tuple[RecoveredRow, ...]


def read_beyond_means(evidence: Path) -> BeyondMeans:
    """Read the tables; a study of an earlier version has none.

    Args:
        evidence: folder of the comparison's tables.

    Raises:
        StageError: a table is damaged or lacks a column.
    """
    return BeyondMeans(
        unseen_domains=_read(evidence / "unseen_domains.tsv", UnseenDomainRow),
        worst_domains=_read(evidence / "worst_domains.tsv", WorstDomainRow),
        unseen_labels=_read(evidence / "unseen_labels.tsv", UnseenLabelRow),
        ranks=_read(evidence / "ranks.tsv", RankRow),
        rank_probabilities=_read(
            evidence / "rank_probabilities.tsv", RankProbabilityRow
        ),
        rank_agreement=_read(evidence / "rank_agreement.tsv", RankAgreementRow),
        components=_read(evidence / "components.tsv", ComponentRow),
        recovered=_read(evidence / "recovered.tsv", RecoveredRow),
    )


def name_place(rank: int) -> str:
    """A rank in words.

    Examples:
        >>> [name_place(rank) for rank in (1, 2, 3, 4, 11, 22)]
        ['1st', '2nd', '3rd', '4th', '11th', '22nd']
    """
    teens = 10 < rank % 100 < 14
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank}{ending}"


def _read(path: Path, kind: type[R]) -> tuple[R, ...]:
    """The rows of a table that need not exist."""
    return tuple(read_records(path, kind)) if path.exists() else ()
