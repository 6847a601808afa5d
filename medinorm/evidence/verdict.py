"""The verdict: what the study shows, in sentences a reader can check in the tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medinorm import __version__
from medinorm.domain_noun import count_noun
from medinorm.evidence.bootstrap import Interval
from medinorm.evidence.failures import count_failures, say_failures
from medinorm.evidence.study_scores import (
    StudyScores,
    over_domains,
    present_domains,
)
from medinorm.records.evidence import DifferenceRow, RankingRow, SummaryRow
from medinorm.records.verdict import Verdict
from medinorm.variant import Variant, name_variants

_REFERENCE = "batch"  # what most published networks use


@dataclass(frozen=True)
class Comparison:
    """The tables a verdict rests on.

    Args:
        summary: one row a variant.
        differences: one row a pair of variants.
        ranking: one row a ranked variant, best first; empty if nothing is ranked.
        obstacle: why nothing is ranked; empty if variants are.
    """

    summary: Sequence[SummaryRow]
    differences: Sequence[DifferenceRow]
    ranking: Sequence[RankingRow]
    obstacle: str = ""

    @property
    def names(self) -> Mapping[Variant, str]:
        """What each variant is called."""
        return name_variants(row.variant for row in self.summary)

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


def reach_verdict(
    study: StudyScores, comparison: Comparison, domain: Sequence[str]
) -> Verdict:
    """The verdict of a study.

    Args:
        study: what was compared.
        comparison: its tables.
        domain: columns that define the domains.
    """
    predictions = count_failures(study.cases)
    say = _say_ranked if comparison.ranking else _say_unranked
    return Verdict(
        ranked=bool(comparison.ranking),
        reason=comparison.obstacle,
        best=tuple(_find_best(comparison)),
        reference=_find_reference(comparison),
        sentences=(*say(study, comparison), say_failures(predictions, study.failure)),
        confidence=study.settings.confidence,
        domains=len(set(study.axes.domains)),
        scans=len(study.axes.scans),
        subjects=len(set(study.axes.subjects)),
        seeds=len(study.axes.seeds),
        predictions=predictions.predictions,
        failures=predictions.failures,
        version=__version__,
        domain=tuple(domain),
        settings=study.settings.model_dump(mode="json"),
    )


def _find_best(comparison: Comparison) -> list[Variant]:
    """The variant with the highest Dice, and those not shown to be worse."""
    ranked = [row.variant for row in comparison.ranking]
    best = ranked[:1]
    for variant in ranked[1:]:
        difference = comparison.compare(ranked[0], variant)
        if difference is None or difference.verdict != "better":
            best.append(variant)
    return best


def _find_reference(comparison: Comparison) -> Variant | None:
    """Batch norm without adaptation, otherwise as like the best variant as there is."""
    known = [row.variant for row in comparison.ranking or comparison.summary]
    usual = [v for v in known if v.norm == _REFERENCE and v.adapt == "none"]
    best = known[0]
    order = sorted(
        usual,
        key=lambda v: (
            v.intensity != best.intensity,
            v.augmentation != best.augmentation,
        ),
    )
    return next(iter(order), None)


def _say_ranked(study: StudyScores, comparison: Comparison) -> list[str]:
    """What a ranking shows."""
    top = comparison.ranking[0].variant
    row = comparison.summary_of(top)
    out_domain = Interval(row.out_domain, row.out_domain_low, row.out_domain_high)
    name = comparison.names[top]
    level = f"{study.settings.confidence:.0%} interval"
    noun = study.noun
    sentences = [
        f"On {noun.many} it had never seen, {name} reached the highest "
        f"mean Dice of {count_noun(len(comparison.ranking), 'ranked variant')}: "
        f"{_say_interval(out_domain, level)}, over "
        f"{count_noun(row.domains, f'held-out {noun.one}')}, "
        f"{count_noun(row.scans, 'scan')} and {count_noun(row.seeds, 'seed')}.",
        _say_ties(study, comparison),
        _say_reference(top, comparison, level),
        _say_gap(row, study, level),
        _say_external(top, study, comparison, level),
        f"Its worst unseen {noun.one} was {row.worst_domain}, with Dice "
        f"{row.worst_dice:.3f}. On one further {noun.one} like these, its mean Dice "
        f"is expected between {row.new_low:.2f} and {row.new_high:.2f}: the mean of "
        f"{count_noun(row.domains, noun.one)}, plus or minus {row.new_factor:.2f} "
        "standard deviations.",
    ]
    return [sentence for sentence in sentences if sentence]


def _say_ties(study: StudyScores, comparison: Comparison) -> str:
    """Which variants were not shown to be worse, and which could not be ranked."""
    best = _find_best(comparison)
    others = ", ".join(comparison.names[variant] for variant in best[1:])
    unranked = len(study.axes.variants) - len(comparison.ranking)
    left = (
        f" {count_noun(unranked, 'variant')} with incomplete results had no rank."
        if unranked
        else ""
    )
    margin = f"{study.settings.equivalence:g} Dice"
    if not others:
        return f"Every other variant was worse, by more than {margin}.{left}"
    rest = (
        "every other variant was worse"
        if len(best) < len(comparison.ranking)
        else "so this study has no single best variant"
    )
    return f"Not shown to be worse by more than {margin}: {others}; {rest}.{left}"


def _say_reference(top: Variant, comparison: Comparison, level: str) -> str:
    """How the best variant compares with the usual norm."""
    reference = _find_reference(comparison)
    if reference is None:
        return ""
    if reference == top:
        return f"Its norm, {top.norm}, is also the usual one."
    row = comparison.compare(top, reference)
    if row is None or reference not in {place.variant for place in comparison.ranking}:
        return ""
    ahead = Interval(row.difference, row.difference_low, row.difference_high)
    meanings = {
        "better": "more than the choice of seeds and subjects explains",
        "equivalent": "too little to matter",
    }
    meaning = meanings.get(
        row.verdict, "which may or may not matter: the study is too small to say"
    )
    out_domain = comparison.summary_of(reference).out_domain
    name = comparison.names[reference]
    return (
        f"With the usual norm, {name} reached {out_domain:.3f}: the best is ahead by "
        f"{_say_interval(ahead, level)}, {meaning}."
    )


def _say_gap(row: SummaryRow, study: StudyScores, level: str) -> str:
    """How much Dice is lost on a domain that was not in training, and why."""
    noun = study.noun
    if row.gap is None:
        return (
            f"How much is lost on unseen {noun.many} is unknown: the pooled design is "
            "incomplete."
        )
    gap = Interval(row.gap, row.gap_low, row.gap_high)
    # Without the size-matched design, the pooled network has more training scans.
    matched = study.size_matched
    size, causes = (
        ("equally many scans, among them ", "")
        if matched
        else ("", "training on fewer scans and ")
    )
    return (
        f"On the same scans, a network that had trained on {size}other subjects of "
        f"their {noun.one} reached {row.in_domain:.3f}; {causes}not having seen the "
        f"{noun.one} cost {_say_interval(gap, level)}."
    )


def _say_external(
    top: Variant, study: StudyScores, comparison: Comparison, level: str
) -> str:
    """How the best variant does on the domains that only test, if there are any."""
    places = present_domains(study.external)
    if not places:
        return ""
    means = study.means(study.external.dice[:, -1])[:, places]
    dice = study.estimate(over_domains(means)).interval(
        (study.axes.variants.index(top),), share=True
    )
    if dice.value is None:
        return ""
    scans = sum(len(study.axes.members[place]) for place in places)
    domains = count_noun(len(places), f"external {study.noun.one}")
    return (
        f"On {count_noun(scans, 'scan')} of {domains}, which only tested, the pooled "
        f"networks of {comparison.names[top]} reached {_say_interval(dice, level)}."
    )


def _say_unranked(study: StudyScores, comparison: Comparison) -> list[str]:
    """What can be said without a ranking."""
    sentences = [f"The variants are not ranked: {comparison.obstacle}."]
    unseen = [row.out_domain for row in comparison.summary]
    trained = [row.in_domain for row in comparison.summary]
    for means, where in (
        (unseen, f"{study.noun.many} that the networks had not seen"),
        (trained, f"{study.noun.many} that the networks had trained on"),
    ):
        values = [mean for mean in means if mean is not None]
        if len(values) == 1:
            sentences.append(f"On {where}, mean Dice was {values[0]:.3f}.")
        elif values:
            sentences.append(
                f"On {where}, mean Dice lay between {min(values):.3f} and "
                f"{max(values):.3f} for {len(values)} variants."
            )
    domains = count_noun(len(study.axes.domain_names), study.noun.one)
    return [
        *sentences,
        f"This rests on {count_noun(len(study.axes.scans), 'test scan')} of {domains} "
        f"and {count_noun(len(study.axes.seeds), 'seed')}; it describes these networks "
        "and says nothing yet about others.",
    ]


def _say_interval(estimate: Interval, level: str) -> str:
    """An estimate with its interval, as words."""
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f} (no interval)"
    return f"{estimate.value:.3f} ({level} {estimate.low:.3f} to {estimate.high:.3f})"
