"""What the verdict says first: what to expect on a further domain."""

from medinorm.domain_noun import DomainNoun
from medinorm.evidence.verdict.cited import Sentence
from medinorm.evidence.verdict.comparison import Comparison
from medinorm.records.evidence import DifferenceRow, SummaryRow

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
_ORDINALS = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh")
_WIDE = 0.2  # a prediction over more Dice than this predicts little


def say_further(comparison: Comparison, noun: DomainNoun) -> Sentence:
    """Whether the best here is to be expected to be best on domains like these."""
    behind, rest = _find_leads(comparison)
    if not behind and not rest:
        return Sentence(f"Nothing is known about a further {noun.one}.")
    if not rest:
        return _say_all(comparison, behind, noun)
    top = comparison.ranked[0]
    number = comparison.summary_of(top).domains
    sentence = Sentence(f"Which variant is best on a further {noun.one}, this study ")
    sentence.say("cannot say")
    if behind:
        names = ", ".join(comparison.names[row.other] for row in behind)
        sentence.say(f", except that {comparison.names[top]} is better than {names}")
    return sentence.say(f": {_say_count(number)} {_agree(number, noun)} too few.")


def say_further_lead(comparison: Comparison, noun: DomainNoun) -> Sentence:
    """By how much the best may lead on a further domain, and what would decide."""
    behind, rest = _find_leads(comparison)
    if rest:
        sentence = Sentence(f"On a further {noun.one}, ")
        _say_lead(sentence, comparison, rest[0])
        return _say_needed(sentence, comparison, rest[0], noun)
    closest = next(iter(behind), None)
    if closest is None or closest.next_low is None:
        return Sentence()
    one, other = (comparison.names[v] for v in (closest.variant, closest.other))
    sentence = Sentence(f"On a single further {noun.one}, the lead of {one} over ")
    sentence.say(f"{other} is expected between ")
    _cite(sentence, comparison, closest, "next_low", "+.2f").say(" and ")
    return _cite(sentence, comparison, closest, "next_high", "+.2f").say(" Dice.")


def say_next(row: SummaryRow, noun: DomainNoun) -> Sentence:
    """The worst domain, and what Dice a further one may bring."""
    sentence = Sentence()
    if row.worst_domain is not None and row.worst_dice is not None:
        sentence.say(f"Its worst unseen {noun.one} was {row.worst_domain}, with Dice ")
        sentence.cite_summary(row, "worst_dice", ".3f").say(". ")
    if row.new_low is None or row.new_high is None:
        return sentence
    sentence.say(f"On one further {noun.one} like these, its mean Dice ")
    wide = row.new_high - row.new_low > _WIDE
    sentence.say("could be anywhere " if wide else "is expected ")
    if row.new_high >= 1 and wide:
        sentence.say("from ").cite_summary(row, "new_low", ".2f").say(" up")
    else:
        sentence.say("from " if wide else "between ")
        sentence.cite_summary(row, "new_low", ".2f").say(" to " if wide else " and ")
        sentence.cite_summary(row, "new_high", ".2f")
    if wide:
        following = _say_ordinal(row.domains + 1)
        sentence.say(
            f": {_say_count(row.domains)} {_agree(row.domains, noun)} too few "
            f"to predict a {following}"
        )
    return sentence.say(".")


def _find_leads(
    comparison: Comparison,
) -> tuple[list[DifferenceRow], list[DifferenceRow]]:
    """The best against the others: those behind on further domains, then the rest."""
    top, *others = comparison.ranked
    known = [comparison.compare(top, variant) for variant in others]
    leads = [row for row in known if row is not None]
    behind = [row for row in leads if row.further_verdict == "better"]
    return behind, [row for row in leads if row.further_verdict != "better"]


def _say_all(
    comparison: Comparison, rows: list[DifferenceRow], noun: DomainNoun
) -> Sentence:
    """Every other variant is behind on domains like these."""
    least = min(rows, key=lambda row: row.further_low or 0)
    name = comparison.names[least.variant]
    sentence = Sentence(
        f"On further {noun.many} like these, {name} can be expected to do better, on "
        "average, than every other variant: by at least "
    )
    return _cite(sentence, comparison, least, "further_low", ".3f").say(" Dice.")


def _say_lead(sentence: Sentence, comparison: Comparison, row: DifferenceRow) -> None:
    """How far apart two variants may be on a further domain."""
    name, other = comparison.names[row.variant], comparison.names[row.other]
    if row.next_low is None or row.next_high is None:
        sentence.say(f"nothing is known about {name} and {other}")
        return
    sentence.say(f"the lead of {name} over {other} could be anywhere from ")
    _cite(sentence, comparison, row, "next_low", "+.2f").say(" to ")
    _cite(sentence, comparison, row, "next_high", "+.2f").say(" Dice")


def _say_needed(
    sentence: Sentence, comparison: Comparison, row: DifferenceRow, noun: DomainNoun
) -> Sentence:
    """How many domains would do."""
    if row.further_verdict == "equivalent":
        return sentence.say(", on average too little to matter.")
    if row.domains_needed is None:
        return sentence.say(
            f". If this lead is as measured, not even 100 {noun.many} would decide."
        )
    sentence.say(". If this lead is as measured, about ")
    turned = comparison.is_turned(row.variant, row.other)
    sentence.cite_difference(row, "domains_needed", "d", turned=turned)
    return sentence.say(f" {noun.many} would decide.")


def _cite(
    sentence: Sentence,
    comparison: Comparison,
    row: DifferenceRow,
    column: str,
    form: str,
) -> Sentence:
    """Add a number of a difference."""
    turned = comparison.is_turned(row.variant, row.other)
    return sentence.cite_difference(row, column, form, turned=turned)


def _say_count(number: int) -> str:
    """A number as a word."""
    return _NUMBERS[number] if number < len(_NUMBERS) else f"{number}"


def _say_ordinal(number: int) -> str:
    """Which one of a row, as a word."""
    return _ORDINALS[number] if number < len(_ORDINALS) else "further one"


def _agree(number: int, noun: DomainNoun) -> str:
    """The noun with its verb."""
    return f"{noun.one} is" if number == 1 else f"{noun.many} are"
