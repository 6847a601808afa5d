"""The verdict: what the study shows, in sentences a reader can check in the tables."""

from collections.abc import Sequence
from dataclasses import replace

from medinorm import __version__
from medinorm.domain_noun import count_noun
from medinorm.evidence.failures import count_failures, say_failures
from medinorm.evidence.study_scores import StudyScores, present_domains
from medinorm.evidence.verdict.cited import Sentence
from medinorm.evidence.verdict.comparison import Comparison
from medinorm.evidence.verdict.further import say_further, say_further_lead, say_next
from medinorm.evidence.verdict.ranked import (
    say_best,
    say_external,
    say_far_scans,
    say_gap,
    say_places,
    say_reference,
    say_ties,
)
from medinorm.records.verdict import Verdict
from medinorm.variant import Variant

_REFERENCE = "batch"  # what most published networks use


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
    said = [sentence for sentence in say(study, comparison) if sentence.text]
    return Verdict(
        ranked=bool(comparison.ranking),
        reason=comparison.obstacle,
        best=tuple(_find_best(comparison)),
        reference=_find_reference(comparison),
        sentences=(
            *(sentence.text for sentence in said),
            say_failures(predictions, study.failure),
        ),
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
        numbers=tuple(
            replace(number, sentence=place)
            for place, sentence in enumerate(said)
            for number in sentence.numbers
        ),
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


def _say_ranked(study: StudyScores, comparison: Comparison) -> list[Sentence]:
    """What a ranking shows.

    Three sentences that are read before all others: further domains, these domains,
    and where the best on the mean was not the best.
    """
    row = comparison.summary_of(comparison.ranked[0])
    level, noun = f"{study.settings.confidence:.0%} interval", study.noun
    margin = study.settings.equivalence
    places = present_domains(study.external)
    scans = sum(len(study.axes.members[place]) for place in places)
    return [
        say_further(comparison, noun),
        say_best(comparison, noun, level),
        say_places(comparison, noun),
        say_further_lead(comparison, noun),
        say_far_scans(comparison, noun, margin),
        say_ties(comparison, _find_best(comparison), noun, margin),
        say_reference(comparison, _find_reference(comparison), level, margin),
        say_gap(
            row,
            noun,
            level,
            pooled=bool(present_domains(study.pooled)),
            size_matched=study.size_matched,
        ),
        say_external(comparison, (scans, len(places)), noun, level),
        say_next(row, noun),
    ]


def _say_unranked(study: StudyScores, comparison: Comparison) -> list[Sentence]:
    """What can be said without a ranking."""
    where = {
        "out_domain": f"{study.noun.many} that the networks had not seen",
        "in_domain": f"{study.noun.many} that the networks had trained on",
    }
    domains = count_noun(len(study.axes.domain_names), study.noun.one)
    return [
        Sentence(f"The variants are not ranked: {comparison.obstacle}."),
        *(_say_range(comparison, name, words) for name, words in where.items()),
        Sentence(
            f"This rests on {count_noun(len(study.axes.scans), 'test scan')} of "
            f"{domains} and {count_noun(len(study.axes.seeds), 'seed')}; it describes "
            "these networks and says nothing yet about others."
        ),
    ]


def _say_range(comparison: Comparison, column: str, where: str) -> Sentence:
    """The range of a mean over all variants.

    Args:
        comparison: the tables.
        column: of the summary.
        where: on which domains, in words.
    """
    rows = [row for row in comparison.summary if getattr(row, column) is not None]
    rows.sort(key=lambda row: float(getattr(row, column)))
    if not rows:
        return Sentence()
    sentence = Sentence(f"On {where}, mean Dice ")
    if len(rows) == 1:
        return sentence.say("was ").cite_summary(rows[0], column, ".3f").say(".")
    sentence.say("lay between ").cite_summary(rows[0], column, ".3f").say(" and ")
    sentence.cite_summary(rows[-1], column, ".3f")
    return sentence.say(f" for {len(rows)} variants.")
