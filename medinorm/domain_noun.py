"""What verdict and report call a domain: the word of the column it comes from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

# Lower-case words with a vowel whose plural is certainly made by an s at the end.
_REGULAR = re.compile(r"(?=.*[aeiou])[a-z]+[abcdegi-npqrt-w]")


@dataclass(frozen=True)
class DomainNoun:
    """A noun for the domains of a study, with a regular plural.

    Args:
        one: for one domain.
    """

    one: str

    @classmethod
    def of(cls, columns: Sequence[str]) -> "DomainNoun":
        """The noun of `split.domain`; "domain" where a plural would be a guess.

        Examples:
            >>> DomainNoun.of(["scanner"]).many, DomainNoun.of(["site"]).many
            ('scanners', 'sites')
            >>> DomainNoun.of(["vendor", "model"]).many, DomainNoun.of(["city"]).many
            ('domains', 'domains')
        """
        regular = len(columns) == 1 and _REGULAR.fullmatch(columns[0])
        return cls(columns[0] if regular else "domain")

    @property
    def many(self) -> str:
        """For several domains."""
        return f"{self.one}s"

    @property
    def with_article(self) -> str:
        """For any domain.

        Examples:
            >>> DomainNoun("export").with_article, DomainNoun("unit").with_article
            ('an export', 'a unit')
        """
        # Columns that begin with u are a unit, a user or a university: no "an".
        return f"{'an' if self.one[0] in 'aeio' else 'a'} {self.one}"


def count_noun(number: int, noun: str) -> str:
    """A number with its noun, which has a regular plural.

    Examples:
        >>> count_noun(1, "scan"), count_noun(2, "scan")
        ('1 scan', '2 scans')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"
