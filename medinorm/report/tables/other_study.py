r"""Two studies side by side: what they have in common, and how far they differ.

The studies are taken to be independent. Their difference has the interval

.. math::
    a - b - \sqrt{(a - a_l)^2 + (b_u - b)^2}
    \quad\text{to}\quad a - b + \sqrt{(a_u - a)^2 + (b - b_l)^2}

of their values a and b with the ends of their intervals. Where both have the same test
subjects, their errors go together, and this interval is too wide.

References:
    Zou and Donner, "Construction of confidence limits about effect measures: a general
    approach", Statistics in Medicine 2008, doi:10.1002/sim.3095.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from medinorm.errors import StageError
from medinorm.files.records import read_records
from medinorm.records.beyond_means import UnseenDomainRow
from medinorm.records.environment import Environment, read_environment
from medinorm.records.evidence import SummaryRow
from medinorm.records.verdict import Verdict, read_verdict
from medinorm.report.tables.beyond_means import read_beyond_means

_LONGEST = 60  # characters of a setting that is shown


@dataclass(frozen=True)
class StudyEvidence:
    """What is compared of one study.

    Args:
        verdict: its conclusion.
        summary: one row a variant.
        unseen: each variant on each unseen domain.
        labels: values of the labels that were segmented.
        environment: its configuration, if it was recorded.
    """

    verdict: Verdict
    summary: tuple[SummaryRow, ...]
    unseen: tuple[UnseenDomainRow, ...]
    labels: frozenset[int]
    environment: Environment | None

    @property
    def domains(self) -> set[str]:
        """The domains that were held out."""
        return {row.domain for row in self.unseen}


class Value(NamedTuple):
    """A value with its interval."""

    value: float | None
    low: float | None
    high: float | None


def read_study(evidence: Path) -> StudyEvidence:
    """Read what is compared of a study.

    Args:
        evidence: folder of its comparison.

    Raises:
        StageError: it holds no comparison, or a table is damaged.
    """
    if not (evidence / "verdict.json").exists():
        raise StageError(
            "--against: there is no verdict.json in that folder; name the folder "
            "results/evidence of a finished study"
        )
    tables = read_beyond_means(evidence)
    return StudyEvidence(
        verdict=read_verdict(evidence / "verdict.json"),
        summary=tuple(read_records(evidence / "summary.tsv", SummaryRow)),
        unseen=tables.unseen_domains,
        labels=frozenset(row.label for row in tables.unseen_labels),
        environment=read_environment(evidence / "environment.json"),
    )


def find_obstacle(here: StudyEvidence, there: StudyEvidence) -> str:
    """Why two studies cannot be compared, as a part of a sentence; empty if they can.

    Args:
        here: one study.
        there: the other.
    """
    for study, name in ((here, "this study"), (there, "the other study")):
        if not study.verdict.ranked:
            return f"{name} is not ranked: {study.verdict.reason}"
    ours, theirs = ("+".join(study.verdict.domain) for study in (here, there))
    variants = {row.variant for row in here.summary}
    reasons = {
        f"their domains are not the same thing ({ours} here, {theirs} there)": (
            ours != theirs
        ),
        "they segment other labels": here.labels != there.labels,
        "they have no variant in common": (
            not variants & {row.variant for row in there.summary}
        ),
        "they have no unseen domain in common": not here.domains & there.domains,
        "their intervals have other levels": (
            here.verdict.confidence != there.verdict.confidence
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def subtract(here: Value, there: Value) -> Value:
    """The difference of two values of independent studies, with its interval.

    Examples:
        >>> found = subtract(Value(0.8, 0.77, 0.83), Value(0.7, 0.66, 0.74))
        >>> [round(number, 3) for number in found]
        [0.1, 0.05, 0.15]
    """
    if here.value is None or there.value is None:
        return Value(None, None, None)
    difference = here.value - there.value
    if None in (*here, *there):
        return Value(difference, None, None)
    (a, a_low, a_high), (b, b_low, b_high) = (
        tuple(map(float, one))  # type: ignore[arg-type]
        for one in (here, there)
    )
    return Value(
        difference,
        difference - math.hypot(a - a_low, b_high - b),
        difference + math.hypot(a_high - a, b - b_low),
    )


def compare_settings(
    here: StudyEvidence, there: StudyEvidence
) -> list[tuple[str, str, str]] | None:
    """Settings that differ: key, here, there; ``None`` if one was not recorded."""
    if here.environment is None or there.environment is None:
        return None
    ours, theirs = (
        dict(_flatten(study.environment.configuration, ""))
        for study in (here, there)
        if study.environment
    )
    keys = list(dict.fromkeys((*ours, *theirs)))
    rows = ((key, ours.get(key, "none"), theirs.get(key, "none")) for key in keys)
    return [row for row in rows if row[1] != row[2]]


def _flatten(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    """Each setting by its dotted key."""
    for name in sorted(values):
        value = values[name]
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            text = json.dumps(value, ensure_ascii=False)
            shown = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
            yield f"{prefix}{name}", shown
