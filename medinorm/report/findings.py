"""What the report is made from: the tables of a study, read and put in order."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from medinorm.columns.cases import Cases, read_cases_table
from medinorm.columns.words import Groups, average_groups, group_rows
from medinorm.domain_noun import DomainNoun
from medinorm.errors import StageError
from medinorm.files.records import read_records
from medinorm.records.evidence import (
    CurveRow,
    DifferenceRow,
    DomainRow,
    EffectRow,
    FairnessRow,
    GapRow,
    NetworkRow,
    RankingRow,
    SummaryRow,
)
from medinorm.records.learning_rates import RateRow
from medinorm.records.scans import ExcludedRow, ScanRow, SplitRow
from medinorm.records.verdict import Verdict, read_verdict
from medinorm.variant import Variant, name_variants

R = TypeVar("R")


@dataclass(frozen=True)
class ReportFindings:
    """The tables of one study.

    Args:
        scans: usable scans with their scanner's identity.
        excluded: excluded scans and files with their reason.
        splits: role of each scan in each split.
        cases: scores, one row a prediction and label.
        domains: mean scores by training set and test domain.
        gaps: in-domain minus out-of-domain by domain.
        summary: one row a variant, highest out-of-domain Dice first.
        differences: paired differences between variants.
        effects: means of the levels of each axis over the other axes.
        ranking: empty when nothing was ranked.
        fairness: what each variant cost.
        curves: how each run learned.
        rates: the search among learning rates, if there was one.
        networks: the weights of each network, and what its training took.
        verdict: the conclusion in words and its facts.
        labels: value and name of each label.
    """

    scans: tuple[ScanRow, ...]
    excluded: tuple[ExcludedRow, ...]
    splits: tuple[SplitRow, ...]
    cases: Cases
    domains: tuple[DomainRow, ...]
    gaps: tuple[GapRow, ...]
    summary: tuple[SummaryRow, ...]
    differences: tuple[DifferenceRow, ...]
    effects: tuple[EffectRow, ...]
    ranking: tuple[RankingRow, ...]
    fairness: tuple[FairnessRow, ...]
    curves: tuple[CurveRow, ...]
    rates: tuple[RateRow, ...]
    networks: tuple[NetworkRow, ...]
    verdict: Verdict
    labels: Mapping[int, str]

    @property
    def variants(self) -> list[Variant]:
        """All variants, highest out-of-domain Dice first."""
        return [row.variant for row in self.summary]

    @cached_property
    def names(self) -> Mapping[Variant, str]:
        """What each variant is called."""
        return name_variants(self.variants)

    @cached_property
    def domain_of(self) -> dict[str, str]:
        """The domain of each scan that takes part."""
        return {row.scan: row.domain for row in self.splits}

    @cached_property
    def domain_names(self) -> list[str]:
        """All domains, in alphabetical order."""
        return sorted(set(self.domain_of.values()))

    @cached_property
    def external_names(self) -> list[str]:
        """The domains that only test, in alphabetical order."""
        trained = {row.domain for row in self.splits if row.role == "train"}
        return [name for name in self.domain_names if name not in trained]

    @cached_property
    def subjects(self) -> set[str]:
        """All subjects that take part."""
        return {row.subject for row in self.splits}

    @property
    def seeds(self) -> set[int]:
        """The seeds of all trainings."""
        return set(self.cases.scores.seed.present)

    @cached_property
    def designs(self) -> list[str]:
        """The designs that were run."""
        return distinct(row.design for row in self.splits)

    @property
    def noun(self) -> DomainNoun:
        """What a domain is called."""
        return DomainNoun.of(self.verdict.domain)

    @cached_property
    def held_out(self) -> Cases:
        """Cases whose domain the network never saw.

        From leave-one-domain-out where it was run, else from single-source training.
        """
        unseen = self.cases[~self.cases.in_domain]
        lodo = unseen.design.equals("lodo")
        return unseen[lodo] if lodo.any() else unseen

    @property
    def held_out_domains(self) -> list[DomainRow]:
        """Mean scores by domain, for those the network never saw."""
        return _preferring(self.domains, "lodo", in_domain=False)

    @property
    def known_domains(self) -> list[DomainRow]:
        """Mean scores by domain, for those the network was trained on."""
        return _preferring(self.domains, self.reference_design, in_domain=True)

    @property
    def reference_design(self) -> str:
        """The design whose networks are the in-domain reference of the gap."""
        return "size_matched" if "size_matched" in self.designs else "pooled"

    @property
    def level(self) -> str:
        """Level of all intervals, as a percentage."""
        return f"{self.verdict.confidence:.0%}"


def read_findings(
    scans: Path, excluded: Path, splits: Path, evidence: Path, labels: Mapping[int, str]
) -> ReportFindings:
    """Read the tables of a study.

    Args:
        scans: table of usable scans.
        excluded: table of excluded ones.
        splits: table of roles.
        evidence: folder of the comparison's tables.
        labels: value and name of each label.

    Raises:
        StageError: a table or the verdict is missing or damaged, or nothing was
            compared.
    """
    summary = read_records(evidence / "summary.tsv", SummaryRow)
    if not summary:
        raise StageError("summary.tsv: no variant was scored; see the logs of score")
    summary.sort(key=_mean_dice, reverse=True)
    return ReportFindings(
        scans=tuple(read_records(scans, ScanRow)),
        excluded=tuple(read_records(excluded, ExcludedRow)),
        splits=tuple(read_records(splits, SplitRow)),
        cases=read_cases_table(evidence),
        domains=tuple(read_records(evidence / "domains.tsv", DomainRow)),
        gaps=tuple(read_records(evidence / "gaps.tsv", GapRow)),
        summary=tuple(summary),
        differences=_read_optional(evidence / "differences.tsv", DifferenceRow),
        effects=_read_optional(evidence / "effects.tsv", EffectRow),
        ranking=_read_optional(evidence / "ranking.tsv", RankingRow),
        fairness=_read_optional(evidence / "fairness.tsv", FairnessRow),
        curves=_read_optional(evidence / "curves.tsv", CurveRow),
        rates=_read_optional(evidence / "learning_rates.tsv", RateRow),
        networks=_read_optional(evidence / "networks.tsv", NetworkRow),
        verdict=read_verdict(evidence / "verdict.json"),
        labels=dict(labels),
    )


def _preferring(
    rows: Iterable[DomainRow], design: str, *, in_domain: bool
) -> list[DomainRow]:
    """Rows in (or out of) domain, of one design if it was run, else of the others."""
    either = [row for row in rows if row.in_domain is in_domain]
    return [row for row in either if row.design == design] or either


def _read_optional(path: Path, kind: type[R]) -> tuple[R, ...]:
    """The rows of a table that need not exist."""
    return tuple(read_records(path, kind)) if path.exists() else ()


def _mean_dice(row: SummaryRow) -> float:
    """Out-of-domain Dice, else in-domain Dice, else minus infinity."""
    values = (row.out_domain, row.in_domain)
    return next((value for value in values if value is not None), -math.inf)


def or_nan(value: float | None) -> float:
    """A value as figures and tables take it: not-a-number where it is absent."""
    return math.nan if value is None else float(value)


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of those values that are there; ``None`` if there are none.

    Examples:
        >>> mean([1.0, None, 2.0])
        1.5
    """
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def distinct(values: Iterable[str]) -> list[str]:
    """Each value once, in order of appearance."""
    return list(dict.fromkeys(values))


def scan_means(cases: Cases) -> dict[tuple[Variant, str, str], float]:
    """Mean Dice of each scan: over its labels, then over seeds.

    A label that is empty in both label map and prediction has no Dice and does not
    count; a missing prediction counts as its score says, which is 0.

    Returns:
        Dice by variant, domain and scan; not-a-number where no label was scored.
    """
    runs, scans = cases.predictions, _group_scans(cases)
    of_run = average_groups(cases.scores.dice, runs)
    means = average_groups(of_run, Groups(scans.first, scans.of_row[runs.first]))
    return dict(zip(_name_scans(cases[scans.first]), means.tolist(), strict=True))


def find_failed(cases: Cases) -> set[tuple[Variant, str, str]]:
    """Variant, domain and scan of which a label failed with one seed at least."""
    failed = cases[cases.failed]
    return set(_name_scans(failed[_group_scans(failed).first]))


def _group_scans(cases: Cases) -> Groups:
    """The cases of each scan with each variant."""
    return group_rows(cases.domain, cases.scores.scan, cases.scores.variant)


def _name_scans(cases: Cases) -> Iterator[tuple[Variant, str, str]]:
    """Variant, domain and scan of each case."""
    columns = cases.scores.variant, cases.domain, cases.scores.scan
    return zip(*(column.tolist() for column in columns), strict=True)
