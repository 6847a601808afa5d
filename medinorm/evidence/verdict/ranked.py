"""What the verdict says of these domains: which variant was best, and by how much."""

from medinorm.domain_noun import DomainNoun, count_noun
from medinorm.evidence.verdict.cited import Sentence
from medinorm.evidence.verdict.comparison import Comparison
from medinorm.records.evidence import DifferenceRow, DomainRow, SummaryRow
from medinorm.variant import Variant

_FEW = 1 / 5  # of all scans: more that lie far below the others are not few


def say_best(comparison: Comparison, noun: DomainNoun, level: str) -> Sentence:
    """The mean of the best on these domains, corrected for having been chosen.

    Args:
        comparison: the tables.
        noun: what a domain is called.
        level: of the intervals, in words.
    """
    first, row = comparison.ranking[0], comparison.summary_of(comparison.ranked[0])
    sentence = Sentence("On these ")
    sentence.cite_summary(row, "domains", "d").say(f" {noun.many}, which its networks ")
    sentence.say(f"had never seen, {comparison.names[first.variant]} had the highest ")
    last = comparison.ranking[-1]
    sentence.say("mean Dice of ")
    sentence.cite(f"{last.rank}", last.rank, "ranking", "rank", _rank(last.rank))
    sentence.say(" ranked variants: ")
    corrected = {
        name: value
        for name in ("corrected", "corrected_low", "corrected_high")
        if (value := getattr(first, name)) is not None
    }
    column = "corrected" if len(corrected) == 3 else "out_domain"
    value = float(getattr(first, column))
    sentence.cite(f"{value:.3f}", value, "ranking", column, _rank(1))
    if len(corrected) == 3:
        low, high = corrected["corrected_low"], corrected["corrected_high"]
        sentence.say(f" ({level} ")
        sentence.cite(f"{low:.3f}", low, "ranking", "corrected_low", _rank(1))
        sentence.say(" to ")
        sentence.cite(f"{high:.3f}", high, "ranking", "corrected_high", _rank(1))
        sentence.say("), corrected for having been chosen as the highest")
    sentence.say("; ")
    sentence.cite_summary(row, "scans", "d").say(_noun(row.scans, " scan")).say(" and ")
    return (
        sentence.cite_summary(row, "seeds", "d").say(_noun(row.seeds, " seed")).say(".")
    )


def say_far_scans(comparison: Comparison, noun: DomainNoun, margin: float) -> Sentence:
    """On how few scans the mean of the best hangs, if it does.

    Args:
        comparison: the tables.
        noun: what a domain is called.
        margin: half-width of the region of practical equivalence.
    """
    row = comparison.summary_of(comparison.ranked[0])
    sentence = Sentence()
    if row.far_scans is None or row.without_far is None or row.out_domain is None:
        return sentence
    moved = row.without_far - row.out_domain
    if row.far_scans > _FEW * row.scans or moved <= margin:
        return sentence
    name = comparison.names[row.variant]
    lies, them = ("lies", "it") if row.far_scans == 1 else ("lie", "them")
    sentence.say(f"Few scans weigh heavily in the mean of {name}: ")
    sentence.cite_summary(row, "far_scans", "d").say(" of ")
    sentence.cite_summary(row, "scans", "d")
    sentence.say(
        f" {lies} far below the others of the same {noun.one}. Without {them} "
    )
    sentence.say("the mean would be ")
    sentence.cite_summary(row, "without_far", ".3f").say(" instead of ")
    return sentence.cite_summary(row, "out_domain", ".3f").say(".")


def say_places(comparison: Comparison, noun: DomainNoun) -> Sentence:
    """On which domains the best was not first, the worst place first."""
    top = comparison.ranked[0]
    places = {
        domain: [row.variant for row in rows].index(top) + 1
        for domain, rows in comparison.unseen().items()
        if top in [row.variant for row in rows]
    }
    lost = sorted((d for d in places if places[d] > 1), key=lambda d: -places[d])
    if not places:
        return Sentence()
    if not lost:
        return Sentence(f"It was first on each of these {noun.many}.")
    sentence = Sentence(f"It was not first on every {noun.one}: ")
    for number, domain in enumerate(lost):
        rows = comparison.unseen()[domain]
        place = places[domain]
        sentence.say("; " if number else "").say(f"on {domain} it was ")
        _cite_place(sentence, rows, place).say(", with Dice ")
        for row, words in ((rows[place - 1], " against "), (rows[0], " of ")):
            sentence.cite_domain(row, "dice", float(row.dice or 0), ".3f").say(words)
        sentence.say(comparison.names[rows[0].variant])
    return sentence.say(".")


def _cite_place(sentence: Sentence, rows: list[DomainRow], place: int) -> Sentence:
    """The place of a variant on a domain, as one says it."""
    row, number = rows[place - 1], len(rows)
    if place == number:
        sentence.say("last")
    else:
        sentence.cite_domain(row, "rank", place, "d").say(name_ordinal(place))
    return sentence.say(" of ").cite_domain(row, "ranked", number, "d")


def say_ties(
    comparison: Comparison, best: list[Variant], noun: DomainNoun, margin: float
) -> Sentence:
    """Which variants were not shown to be worse here, and what would decide.

    Args:
        comparison: the tables.
        best: the first variant and those not shown to be worse.
        noun: what a domain is called.
        margin: half-width of the region of practical equivalence.
    """
    others, here = best[1:], f"On these {noun.many}, "
    corrected = _say_corrected(comparison)
    unranked = len(comparison.summary) - len(comparison.ranking)
    left = (
        f" {count_noun(unranked, 'variant')} with incomplete results had no rank."
        if unranked
        else ""
    )
    if not others:
        return Sentence(
            f"{here}every other variant was worse, by more than {margin:g} Dice"
            f"{corrected}.{left}"
        )
    names = ", ".join(comparison.names[variant] for variant in others)
    rest = (
        "every other variant was worse"
        if len(best) < len(comparison.ranking)
        else "so this study has no single best variant"
    )
    sentence = Sentence(
        f"{here}these were not shown to be worse by more than {margin:g} Dice"
        f"{corrected}: {names}; {rest}."
    )
    return _say_more(sentence, comparison, others[0]).say(left)


def _say_corrected(comparison: Comparison) -> str:
    """That chance is taken into account, which has more of it in more comparisons."""
    tested = _count_tested(comparison)
    return f", corrected for the number of comparisons ({tested})" if tested > 1 else ""


def _count_tested(comparison: Comparison) -> int:
    """How many differences were tested together."""
    return sum(row.p_holm is not None for row in comparison.differences)


def _say_more(sentence: Sentence, comparison: Comparison, other: Variant) -> Sentence:
    """How many seeds or subjects would decide between the first two."""
    row = comparison.compare(comparison.ranked[0], other)
    if row is None or row.verdict != "undecided":
        return sentence
    turned = comparison.is_turned(row.variant, row.other)
    name = comparison.names[other]
    if row.seeds_needed is None and row.subjects_needed is None:
        return sentence.say(
            f" If the difference from {name} is as measured, neither more seeds nor "
            "more subjects alone would decide."
        )
    sentence.say(f" If the difference from {name} is as measured, about ")
    if row.seeds_needed is not None:
        sentence.cite_difference(row, "seeds_needed", "d", turned=turned).say(" seeds")
    if row.subjects_needed is not None:
        sentence.say(" or " if row.seeds_needed is not None else "")
        sentence.cite_difference(row, "subjects_needed", "d", turned=turned)
        sentence.say(" subjects in all")
    return sentence.say(" would decide.")


def say_reference(
    comparison: Comparison, reference: Variant | None, level: str, margin: float
) -> Sentence:
    """How the best variant compares with the usual norm.

    Args:
        comparison: the tables.
        reference: the variant with the usual norm, if there is one.
        level: of the intervals, in words.
        margin: half-width of the region of practical equivalence.
    """
    top = comparison.ranked[0]
    if reference == top:
        return Sentence(f"Its norm, {top.norm}, is also the usual one.")
    row = comparison.compare(top, reference) if reference else None
    if reference is None or row is None or reference not in comparison.ranked:
        return Sentence()
    meanings = {
        "better": "more than the choice of seeds and subjects explains",
        "equivalent": "too little to matter",
    }
    sentence = Sentence(f"With the usual norm, {comparison.names[reference]} reached ")
    sentence.cite_summary(comparison.summary_of(reference), "out_domain", ".3f")
    sentence.say(": the best is ahead by ")
    _cite_ahead(sentence, comparison, row, level)
    unknown = "which may or may not matter: the study is too small to say"
    if _is_clear_alone(row, margin):
        # The interval is of this comparison alone, the decision is not.
        unknown = (
            f"by itself more than {margin:g} Dice; among "
            f"{_count_tested(comparison)} comparisons that may still be chance"
        )
    return sentence.say(f", {meanings.get(row.verdict, unknown)}.")


def _is_clear_alone(row: DifferenceRow, margin: float) -> bool:
    """Whether the interval of a difference lies beyond the margin."""
    if row.difference_low is None or row.difference_high is None:
        return False
    return row.difference_low > margin or row.difference_high < -margin


def say_gap(
    row: SummaryRow, noun: DomainNoun, level: str, *, pooled: bool, size_matched: bool
) -> Sentence:
    """How much Dice is lost on a domain that was not in training, and why.

    Args:
        row: of the best variant.
        noun: what a domain is called.
        level: of the interval, in words.
        pooled: whether there are any scores of the pooled design.
        size_matched: whether the pooled networks trained on equally many scans.
    """
    if row.gap is None or row.in_domain is None:
        why = "is incomplete" if pooled else "was not run"
        return Sentence(
            f"How much is lost on unseen {noun.many} is unknown: the pooled design "
            f"{why}."
        )
    # Without the size-matched design, the pooled network has more training scans.
    size, causes = (
        ("equally many scans, among them ", "")
        if size_matched
        else ("", "training on fewer scans and ")
    )
    sentence = Sentence(
        f"On the same scans, a network that had trained on {size}other subjects of "
        f"their {noun.one} reached "
    )
    sentence.cite_summary(row, "in_domain", ".3f")
    sentence.say(f"; {causes}not having seen the {noun.one} cost ")
    return cite_interval(sentence, row, "gap", level).say(".")


def say_external(
    comparison: Comparison, sizes: tuple[int, int], noun: DomainNoun, level: str
) -> Sentence:
    """How the best variant does on the domains that only test, if there are any.

    Args:
        comparison: the tables.
        sizes: how many external scans and domains there are.
        noun: what a domain is called.
        level: of the intervals, in words.
    """
    row = comparison.summary_of(comparison.ranked[0])
    scans, domains = sizes
    if row.external is None:
        return Sentence()
    external = count_noun(domains, f"external {noun.one}")
    sentence = Sentence(
        f"On {count_noun(scans, 'scan')} of {external}, which only tested, the pooled "
        f"networks of {comparison.names[row.variant]} reached "
    )
    return cite_interval(sentence, row, "external", level).say(".")


def cite_interval(
    sentence: Sentence, row: SummaryRow, column: str, level: str
) -> Sentence:
    """Add an estimate of the summary with its interval."""
    sentence.cite_summary(row, column, ".3f")
    if getattr(row, f"{column}_low") is None or getattr(row, f"{column}_high") is None:
        return sentence.say(" (no interval)")
    sentence.say(f" ({level} ").cite_summary(row, f"{column}_low", ".3f").say(" to ")
    return sentence.cite_summary(row, f"{column}_high", ".3f").say(")")


def _cite_ahead(
    sentence: Sentence, comparison: Comparison, row: DifferenceRow, level: str
) -> None:
    """Add a difference with its interval."""
    turned = comparison.is_turned(row.variant, row.other)
    sentence.cite_difference(row, "difference", ".3f", turned=turned)
    if row.difference_low is None or row.difference_high is None:
        sentence.say(" (no interval)")
        return
    sentence.say(f" ({level} ")
    sentence.cite_difference(row, "difference_low", ".3f", turned=turned).say(" to ")
    sentence.cite_difference(row, "difference_high", ".3f", turned=turned).say(")")


def name_ordinal(number: int) -> str:
    """What makes a number an ordinal.

    Examples:
        >>> [f"{number}{name_ordinal(number)}" for number in (1, 2, 3, 4, 11, 22)]
        ['1st', '2nd', '3rd', '4th', '11th', '22nd']
    """
    if 10 < number % 100 < 14:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _rank(rank: int) -> dict[str, str]:
    """The row of a rank."""
    return {"rank": f"{rank}"}


def _noun(number: int, noun: str) -> str:
    """A noun behind its number."""
    return noun if number == 1 else f"{noun}s"
