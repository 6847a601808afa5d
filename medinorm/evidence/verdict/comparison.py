"""The tables that a verdict rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medinorm.records.evidence import (
    MEAN,
    DifferenceRow,
    DomainRow,
    RankingRow,
    SummaryRow,
)
from medinorm.variant import Variant, name_variants


@dataclass(frozen=True)
class Comparison:
    """The tables a verdict rests on.

    Args:
        summary: one row a variant.
        differences: one row a pair of variants.
        ranking: one row a ranked variant, best first; empty if nothing is ranked.
        obstacle: why nothing is ranked; empty if variants are.
        domains: means by training set and domain.
    """

    summary: Sequence[SummaryRow]
    differences: Sequence[DifferenceRow]
    ranking: Sequence[RankingRow]
    obstacle: str = ""
    domains: Sequence[DomainRow] = ()

    @property
    def names(self) -> Mapping[Variant, str]:
        """What each variant is called."""
        return name_variants(row.variant for row in self.summary)

    @property
    def ranked(self) -> list[Variant]:
        """The ranked variants, best first."""
        return [row.variant for row in self.ranking]

    def summary_of(self, variant: Variant) -> SummaryRow:
        """The summary of one variant."""
        return next(row for row in self.summary if row.variant == variant)

    def compare(self, one: Variant, other: Variant) -> DifferenceRow | None:
        """The difference of `one` from `other`, whichever way the table has it."""
        for row in self.differences:
            if (row.variant, row.other) == (one, other):
                return row
            if (row.other, row.variant) == (one, other):
                return row.reverse()
        return None

    def is_turned(self, one: Variant, other: Variant) -> bool:
        """Whether the table has a pair the other way round."""
        return any((row.other, row.variant) == (one, other) for row in self.differences)

    def unseen(self) -> dict[str, list[DomainRow]]:
        """Ranked variants on each held-out domain, the best first."""
        ranked = set(self.ranked)
        domains: dict[str, list[DomainRow]] = {}
        for row in self.domains:
            held_out = row.design == "lodo" and not row.in_domain
            if held_out and row.label == MEAN and row.variant in ranked:
                domains.setdefault(row.domain, []).append(row)
        for rows in domains.values():
            rows.sort(key=lambda row: -(row.dice or 0))
        return domains
