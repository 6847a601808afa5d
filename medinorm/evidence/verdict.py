"""The verdict: what the study shows, in sentences a reader can check in the tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medinorm.domain import DomainNoun
from medinorm.evidence.columns import VARIANT_COLUMNS
from medinorm.evidence.differences import MIN_SEEDS
from medinorm.evidence.study import Cells, Study
from medinorm.variant import Variant

_REFERENCE = "batch"  # what most published networks use


@dataclass(frozen=True)
class Findings:
    """The tables a verdict rests on.

    Args:
        summary: one row a variant.
        differences: one row a pair of variants.
        ranking: one row a ranked variant, best first; empty if nothing is ranked.
    """

    summary: Sequence[Cells]
    differences: Sequence[Cells]
    ranking: Sequence[Cells]

    def summary_of(self, variant: Variant) -> Mapping[str, Any]:
        """The summary of one variant."""
        return next(row for row in self.summary if variant_of(row) == variant)

    def compare(self, one: Variant, other: Variant) -> Mapping[str, Any] | None:
        """The difference of `one` from `other`, whichever way the table has it."""
        for row in self.differences:
            pair = variant_of(row), variant_of(row, "other_")
            if pair == (one, other):
                return row
            if pair == (other, one):
                return _reverse(row)
        return None


def variant_of(row: Cells, prefix: str = "") -> Variant:
    """The variant that a row of a table is about."""
    return Variant(*(str(row[prefix + name]) for name in VARIANT_COLUMNS))


def find_obstacle(study: Study) -> str:
    """Why the variants of a study must not be ranked; empty if they may be."""
    complete = study.complete_seeds()
    if not study.held_out:
        return "no leave-one-domain-out network was tested; add lodo to split.designs"
    if len(study.held_out) < 2:
        return (
            f"only one {study.noun.one} was held out; a statement about "
            f"{study.noun.many} needs two"
        )
    if len(complete) < 2:
        return "only one variant was tested"
    if complete.max() < MIN_SEEDS:
        most = _count(int(complete.max()), "seed")
        return (
            f"complete results exist for {most} at most; {MIN_SEEDS} are needed, "
            "because results change from one training to the next"
        )
    if (complete >= MIN_SEEDS).sum() < 2:
        return f"only one variant has complete results for {MIN_SEEDS} seeds"
    return _find_lonely(study)


def _find_lonely(study: Study) -> str:
    """Whether a held-out domain has too few subjects to say how much they vary.

    Every stratum of one subject is found by this: strata that share a domain are joined
    until they have two, so who is still alone is alone on each domain.
    """
    for place in study.held_out:
        scans = study.axes.members[place]
        scored = scans[np.isfinite(study.lodo.dice[:, -1, scans]).any(axis=(0, 2))]
        if len({study.axes.subjects[scan] for scan in scored}) < 2:
            return (
                f"{study.axes.domain_names[place]} has only one test subject, so "
                "chance cannot be told from effect; raise split.test_folds or combine "
                "domains"
            )
    return ""


def reach_verdict(study: Study, findings: Findings) -> dict[str, Any]:
    """The verdict of a study, as JSON values.

    Args:
        study: what was compared.
        findings: its tables.
    """
    obstacle = find_obstacle(study)
    key = [*VARIANT_COLUMNS, "split", "seed", "scan"]
    failed = (
        (study.cases["failure"] == "yes")
        .groupby([study.cases[name] for name in key])
        .any()
    )
    best = _find_best(findings)
    reference = _find_reference(findings)
    counts = {
        "domains": len(set(study.axes.domains)),
        "scans": len(study.axes.scans),
        "subjects": len(set(study.axes.subjects)),
        "seeds": len(study.axes.seeds),
        "predictions": len(failed),
        "failures": int(failed.sum()),
    }
    say = _say_ranked if findings.ranking else _say_unranked
    return {
        "ranked": bool(findings.ranking),
        "reason": obstacle,
        "best": [_named(variant) for variant in best],
        "reference": _named(reference) if reference else None,
        "sentences": [*say(study, findings), _say_failures(counts)],
        "confidence": study.settings.confidence,
        **counts,
    }


def _find_best(findings: Findings) -> list[Variant]:
    """The variant with the highest Dice, and those that cannot be told from it."""
    ranked = [variant_of(row) for row in findings.ranking]
    best = ranked[:1]
    for variant in ranked[1:]:
        found = findings.compare(ranked[0], variant)
        if found is None or found["verdict"] != "better":
            best.append(variant)
    return best


def _find_reference(findings: Findings) -> Variant | None:
    """Batch norm without adaptation, with the intensity method of the best variant."""
    known = [variant_of(row) for row in findings.ranking or findings.summary]
    usual = [v for v in known if v.norm == _REFERENCE and v.adapt == "none"]
    same = [v for v in usual if v.intensity == known[0].intensity]
    return next(iter(same or usual), None)


def _named(variant: Variant) -> dict[str, str]:
    """A variant with its name, as JSON values."""
    return {**variant._asdict(), "name": variant.name}


def _say_ranked(study: Study, findings: Findings) -> list[str]:
    """What a ranking shows."""
    top = variant_of(findings.ranking[0])
    row = findings.summary_of(top)
    level = f"{study.settings.confidence:.0%} interval"
    noun = study.noun
    sentences = [
        f"On {noun.many} it had never seen, {top.name} reached the highest mean Dice "
        f"of {_count(len(findings.ranking), 'ranked variant')}: "
        f"{_estimate(row, 'out_domain', level)}, over "
        f"{_count(row['domains'], f'held-out {noun.one}')}, "
        f"{_count(row['scans'], 'scan')} and {_count(row['seeds'], 'seed')}.",
        _say_ties(study, findings),
        _say_reference(top, findings, level),
        _say_gap(row, noun, level),
        f"Its worst unseen {noun.one} was {row['worst_domain']}, with Dice "
        f"{row['worst_dice']:.3f}. On one further {noun.one} like these, its mean Dice "
        f"is expected between {row['new_low']:.2f} and {row['new_high']:.2f}: from "
        f"{_count(row['domains'], noun.one)}, {row['new_factor']:.2f} standard "
        "deviations to either side.",
    ]
    return [sentence for sentence in sentences if sentence]


def _say_ties(study: Study, findings: Findings) -> str:
    """Which variants cannot be told from the best, and which could not be ranked."""
    best = _find_best(findings)
    others = ", ".join(variant.name for variant in best[1:])
    unranked = len(study.axes.variants) - len(findings.ranking)
    left = (
        f" {_count(unranked, 'variant')} with incomplete results had no rank."
        if unranked
        else ""
    )
    margin = f"{study.settings.equivalence:g} Dice"
    if not others:
        return f"Every other one was worse, by more than {margin}.{left}"
    rest = (
        "every other variant was worse"
        if len(best) < len(findings.ranking)
        else "so this study has no single best variant"
    )
    return f"Not shown to be worse by more than {margin}: {others}; {rest}.{left}"


def _say_reference(top: Variant, findings: Findings, level: str) -> str:
    """How the best variant compares with the usual norm."""
    reference = _find_reference(findings)
    if reference is None:
        return ""
    if reference == top:
        return f"Its norm, {top.norm}, is also the usual one."
    found = findings.compare(top, reference)
    if found is None or reference not in map(variant_of, findings.ranking):
        return ""
    row = findings.summary_of(reference)
    meanings = {
        "better": "more than the choice of seeds and subjects explains",
        "equivalent": "too little to matter",
    }
    meaning = meanings.get(
        found["verdict"], "which may or may not matter: the study is too small to say"
    )
    return (
        f"With the usual norm, {reference.name} reached {row['out_domain']:.3f}: the "
        f"best is ahead by {_estimate(found, 'difference', level)}, {meaning}."
    )


def _say_gap(row: Mapping[str, Any], noun: DomainNoun, level: str) -> str:
    """What a domain costs that was not trained on."""
    if not np.isfinite(row["gap"]):
        return (
            f"What unseen {noun.many} cost is unknown: the pooled design is incomplete."
        )
    return (
        f"On the same scans, a network that had trained on other subjects of their "
        f"{noun.one} reached {row['in_domain']:.3f}; not having seen the {noun.one} "
        f"cost {_estimate(row, 'gap', level)}."
    )


def _say_unranked(study: Study, findings: Findings) -> list[str]:
    """What can be said without a ranking."""
    sentences = [f"The variants are not ranked: {find_obstacle(study)}."]
    for name, where in (
        ("out_domain", f"{study.noun.many} that the networks had not seen"),
        ("in_domain", f"{study.noun.many} that the networks had trained on"),
    ):
        values = np.array([row[name] for row in findings.summary], dtype=np.float64)
        values = values[np.isfinite(values)]
        if values.size == 1:
            sentences.append(f"On {where}, mean Dice was {values[0]:.3f}.")
        elif values.size:
            sentences.append(
                f"On {where}, mean Dice lay between {values.min():.3f} and "
                f"{values.max():.3f} for {values.size} variants."
            )
    domains = _count(len(study.axes.domain_names), study.noun.one)
    return [
        *sentences,
        f"This rests on {_count(len(study.axes.scans), 'test scan')} of {domains} and "
        f"{_count(len(study.axes.seeds), 'seed')}; it describes these networks and "
        "says nothing yet about others.",
    ]


def _say_failures(counts: Mapping[str, int]) -> str:
    """How many predictions failed."""
    if not counts["failures"]:
        return f"None of {counts['predictions']} predictions failed."
    return (
        f"{counts['failures']} of {counts['predictions']} predictions failed for at "
        "least one label (no prediction, a structure that was missed, or one that is "
        "not there) and count as Dice 0."
    )


def _reverse(row: Cells) -> Mapping[str, Any]:
    """A difference seen from the other side."""
    opposite = {"better": "worse", "worse": "better"}
    found: dict[str, Any] = dict(row)
    return found | {
        "difference": -found["difference"],
        "difference_low": -found["difference_high"],
        "difference_high": -found["difference_low"],
        "verdict": opposite.get(found["verdict"], found["verdict"]),
    }


def _estimate(row: Mapping[str, Any], name: str, level: str) -> str:
    """An estimate with its interval, as words."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if not np.isfinite(low):
        return f"{row[name]:.3f} (no interval)"
    return f"{row[name]:.3f} ({level} {low:.3f} to {high:.3f})"


def _count(number: int, noun: str) -> str:
    """A number with its noun.

    Examples:
        >>> _count(1, "scan"), _count(2, "scan")
        ('1 scan', '2 scans')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"
