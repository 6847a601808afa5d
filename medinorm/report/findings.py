"""What the report is made from: the tables of a study, read and put in order."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from medinorm.domain_noun import DomainNoun
from medinorm.errors import StageError
from medinorm.files.atomic import read_json
from medinorm.files.tables import Row, read_table
from medinorm.scan import (
    EXCLUDED_COLUMNS,
    IDENTITY_COLUMNS,
    SCAN_COLUMNS,
    SCORE_COLUMNS,
    SPLIT_COLUMNS,
)
from medinorm.variant import Variant

MEAN = "mean"  # in the column `label`: the mean over all labels


@dataclass(frozen=True)
class Findings:
    """The tables of one study.

    Args:
        scans: usable scans with their scanner's identity.
        excluded: excluded scans and files with their reason.
        splits: role of each scan in each split.
        cases: scores, one row a prediction and label.
        domains: mean scores by training set and test domain.
        gaps: in-domain minus out-of-domain by domain.
        summary: one row a variant.
        differences: paired differences between variants.
        effects: means of intensities over norms, and of norms over intensities.
        ranking: empty when nothing was ranked.
        fairness: what each variant cost.
        verdict: the conclusion in words and its facts.
        labels: value and name of each label.
    """

    scans: tuple[Row, ...]
    excluded: tuple[Row, ...]
    splits: tuple[Row, ...]
    cases: tuple[Row, ...]
    domains: tuple[Row, ...]
    gaps: tuple[Row, ...]
    summary: tuple[Row, ...]
    differences: tuple[Row, ...]
    effects: tuple[Row, ...]
    ranking: tuple[Row, ...]
    fairness: tuple[Row, ...]
    verdict: Mapping[str, Any]
    labels: Mapping[int, str]

    @property
    def variants(self) -> list[Variant]:
        """All variants, best out-of-domain Dice first."""
        return [variant_of(row) for row in self.summary]

    @property
    def best(self) -> list[Variant]:
        """The variant ranked first and those not shown to be worse; or none."""
        return [variant_of(row) for row in self.verdict["best"]]

    @cached_property
    def domain_of(self) -> dict[str, str]:
        """The domain of each scan that takes part."""
        return {row["scan"]: row["domain"] for row in self.splits}

    @property
    def domain_names(self) -> list[str]:
        """All domains, in alphabetical order."""
        return sorted(set(self.domain_of.values()))

    @property
    def designs(self) -> list[str]:
        """The designs that were run."""
        return distinct(row["design"] for row in self.splits)

    @property
    def domain(self) -> tuple[str, ...]:
        """Columns that define the domains; older verdicts speak of scanners only."""
        return tuple(self.verdict.get("domain", ("scanner",)))

    @property
    def noun(self) -> DomainNoun:
        """What a domain is called."""
        return DomainNoun.of(self.domain)

    @property
    def held_out(self) -> list[Row]:
        """Cases whose domain the network never saw.

        From leave-one-domain-out where it was run, else from single-source training.
        """
        return _preferring(self.cases, "no", "lodo")

    @property
    def held_out_domains(self) -> list[Row]:
        """Mean scores by domain, for those the network never saw."""
        return _preferring(self.domains, "no", "lodo")

    @property
    def known_domains(self) -> list[Row]:
        """Mean scores by domain, for those the network was trained on."""
        return _preferring(self.domains, "yes", "pooled")

    @property
    def confidence(self) -> float:
        """Level of all intervals, a fraction."""
        return float(self.verdict["confidence"])


def read_findings(
    scans: Path, excluded: Path, splits: Path, evidence: Path, labels: Mapping[int, str]
) -> Findings:
    """Read the tables of a study.

    Args:
        scans: table of usable scans.
        excluded: table of excluded ones.
        splits: table of roles.
        evidence: folder of the comparison's tables.
        labels: value and name of each label.

    Raises:
        StageError: a table is missing or lacks a column, or nothing was compared.
    """
    variant = Variant._fields
    cases = (*SCORE_COLUMNS, "design", "domain", "in_domain")
    summary = read_table(evidence / "summary.tsv", (*variant, "out_domain"))
    if not summary:
        raise StageError("summary.tsv: no variant was scored; see the logs of score")
    summary.sort(key=lambda row: -_known(row["out_domain"], row["in_domain"]))
    return Findings(
        scans=tuple(read_table(scans, (*SCAN_COLUMNS, *IDENTITY_COLUMNS))),
        excluded=tuple(read_table(excluded, EXCLUDED_COLUMNS)),
        splits=tuple(read_table(splits, SPLIT_COLUMNS)),
        cases=tuple(read_table(evidence / "cases.tsv", cases)),
        domains=tuple(read_table(evidence / "domains.tsv", (*variant, "train_set"))),
        gaps=tuple(read_table(evidence / "gaps.tsv", (*variant, "domain"))),
        summary=tuple(summary),
        differences=_optional(evidence / "differences.tsv"),
        effects=_optional(evidence / "effects.tsv"),
        ranking=_optional(evidence / "ranking.tsv"),
        fairness=_optional(evidence / "fairness.tsv"),
        verdict=read_json(evidence / "verdict.json"),
        labels=dict(labels),
    )


def _preferring(rows: Iterable[Row], in_domain: str, design: str) -> list[Row]:
    """Rows in (or out of) domain, of one design if it was run, else of the others."""
    found = [row for row in rows if row["in_domain"] == in_domain]
    return [row for row in found if row["design"] == design] or found


def _optional(path: Path) -> tuple[Row, ...]:
    """The rows of a table that need not exist."""
    return tuple(read_table(path)) if path.exists() else ()


def _known(*texts: str) -> float:
    """The first of several cells that holds a number, or minus infinity."""
    values = (number(text) for text in texts)
    return next((value for value in values if math.isfinite(value)), -math.inf)


def number(text: str | None) -> float:
    """The number in a cell; not-a-number where there is none.

    Examples:
        >>> number("0.5"), number("")
        (0.5, nan)
    """
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def mean(values: Iterable[float]) -> float:
    """The mean of those values that are numbers; not-a-number if there are none.

    Examples:
        >>> mean([1.0, float("nan"), 2.0])
        1.5
    """
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else math.nan


def distinct(values: Iterable[str]) -> list[str]:
    """Each value once, in order of appearance."""
    return list(dict.fromkeys(values))


def variant_of(row: Mapping[str, str]) -> Variant:
    """The variant a row belongs to."""
    return Variant(row["intensity"], row["norm"], row["adapt"])


def scan_means(cases: Iterable[Row]) -> dict[tuple[Variant, str, str], float]:
    """Mean Dice of each scan: over its labels, then over seeds.

    A label that is empty in both label map and prediction has no Dice and does not
    count; a missing prediction counts as its score says, which is 0.

    Returns:
        Dice by variant, domain and scan; not-a-number where no label was scored.
    """
    runs: dict[tuple[Variant, str, str], dict[tuple[str, str], list[float]]] = {}
    for row in cases:
        key = (variant_of(row), row["domain"], row["scan"])
        run = runs.setdefault(key, {}).setdefault((row["split"], row["seed"]), [])
        run.append(number(row["dice"]))
    return {
        key: mean(mean(values) for values in by_run.values())
        for key, by_run in runs.items()
    }
