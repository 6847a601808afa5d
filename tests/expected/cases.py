"""Scans of networks that left a domain out, by formula."""

from medinorm.expected.model import KnownDice


def make_cases(domains="abc", subjects=4, lost=0.1, agreement=0.8, step=0.05):
    """Dice is the agreement minus a loss; both vary with domain and subject."""
    return [
        KnownDice(
            domain,
            f"{domain}{number}",
            held_out,
            round(agreement - step * place - 0.01 * number, 3),
            round(agreement - step * place - 0.01 * number - lost * held_out, 3),
        )
        for place, domain in enumerate(domains)
        for number in range(subjects)
        for held_out in (True, False)
    ]
