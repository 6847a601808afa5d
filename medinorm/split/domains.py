"""The domain of each scan: read from the user's columns, compared by its meaning."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType

from medinorm.errors import StageError
from medinorm.files.names import choose_spellings, meaning_of, shorten_name
from medinorm.files.records import read_records
from medinorm.files.user_tables import present

_EXTERNAL = "external"  # before the names of domains that only test
_SHOWN = 60  # letters of a domain in a message

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DomainScan:
    """What the split needs to know of a scan: its subject and its domain.

    Args:
        scan: its id.
        subject: its subject.
        domain: its domain; empty if unknown.
        external: whether it only tests.
        labelled: whether it has a label map.
    """

    scan: str
    subject: str
    domain: str
    external: bool = False
    labelled: bool = True


@dataclass(frozen=True)
class _Line:
    """One row of `scans.tsv`, whose columns the user may take for domains."""

    scan: str
    subject: str
    session: str
    others: Mapping[str, str]

    @property
    def columns(self) -> Mapping[str, str]:
        """All columns by name."""
        first = {"scan": self.scan, "subject": self.subject, "session": self.session}
        return {**first, **self.others}


def read_domains(
    scans: Path,
    columns: Sequence[str],
    test_only: Mapping[str, str] = MappingProxyType({}),
) -> list[DomainScan]:
    """The scans with their domains, which are empty where they are unknown.

    Domains that differ only by capitals, blanks, hyphens or the form of letters are
    one: it has the spelling that most scans have, and the log says so. What is not
    seen is no part of it; a very long one is cut. Domains of scans that only test are
    domains of their own: `external` stands before their names.

    Args:
        scans: `scans.tsv`.
        columns: its columns that make the domain.
        test_only: columns with the value that makes a scan one that only tests.

    Raises:
        StageError: there is no such column, or no scan that only tests.
    """
    lines = read_records(scans, _Line)
    known = [_with_domain(line, columns, test_only, scans.name) for line in lines]
    if test_only and not any(scan.external for scan in known):
        raise StageError(
            f"split.test_only: no scan of {scans.name} has the value in its column "
            f"{' or '.join(map(repr, test_only))}; correct the value or the table"
        )
    spellings = choose_spellings([scan.domain for scan in known])
    _tell_spellings(spellings)
    spelt = [
        replace(scan, domain=shorten_name(spellings[scan.domain])) for scan in known
    ]
    _tell_travellers([scan for scan in spelt if not scan.external])
    return [
        replace(scan, domain=f"{_EXTERNAL} {scan.domain}".strip())
        if scan.external
        else scan
        for scan in spelt
    ]


def find_unusable(scans: Sequence[DomainScan]) -> Iterator[tuple[str, str]]:
    """Scans that no split can use, with the reason."""
    single = find_single_subject_domains(scans)
    sizes = Counter(scan.domain for scan in scans)
    for scan in scans:
        if not scan.domain:
            yield scan.scan, "its domain is unknown: fill in the domain column"
        elif scan.domain in single:
            yield (
                scan.scan,
                f"the only subject of domain {show_domain(scan.domain)}, which then "
                "has no training and test subjects: add subjects or combine domains"
                + _several_patients(sizes[scan.domain]),
            )


def find_single_subject_domains(scans: Sequence[DomainScan]) -> set[str]:
    """Domains with scans of one subject only."""
    return {domain for domain, number in count_subjects(scans).items() if number < 2}


def count_subjects(scans: Sequence[DomainScan]) -> dict[str, int]:
    """How many subjects each domain has."""
    subjects: dict[str, set[str]] = defaultdict(set)
    for scan in scans:
        subjects[scan.domain].add(scan.subject)
    return {domain: len(subjects[domain]) for domain in sorted(subjects)}


def show_domain(domain: str) -> str:
    """A domain as messages show it: in quotation marks, cut if it is long.

    Examples:
        >>> show_domain("A"), len(show_domain("x" * 10_000))
        ("'A'", 65)
    """
    cut = domain if len(domain) <= _SHOWN else f"{domain[:_SHOWN]}..."
    return repr(cut)


def _several_patients(scans: int) -> str:
    """What else one subject with several scans may mean."""
    if scans < 2:
        return ""
    return (
        f"; if its {scans} scans are of several patients, give each patient a number "
        "of its own"
    )


def _with_domain(
    line: _Line, columns: Sequence[str], test_only: Mapping[str, str], table: str
) -> DomainScan:
    """One scan with its domain, which is empty if one of its columns is."""
    known = line.columns
    for key, named in (("domain", columns), ("test_only", test_only)):
        for column in named:
            if column not in known:
                raise StageError(
                    f"split.{key}: {table} has no column {column!r}; it has "
                    f"{', '.join(known)}{_hint(column, known)}"
                )
    values = [present(known[column]) for column in columns]
    domain = " ".join(values) if all(values) else ""
    external = any(
        present(known[column]).casefold() == value.strip().casefold()
        for column, value in test_only.items()
    )
    labelled = bool(known.get("label", "any"))
    return DomainScan(line.scan, line.subject, domain, external, labelled)


def _hint(column: str, known: Iterable[str]) -> str:
    """The column that is likely meant; nothing if none is near."""
    names = {meaning_of(name).replace(" ", ""): name for name in known}
    meaning = meaning_of(column).replace(" ", "")
    near = [name for name in names if meaning and meaning in name]
    near = near if len(near) == 1 else get_close_matches(meaning, names, n=1)
    return f"; did you mean {names[near[0]]}?" if near else ""


def _tell_spellings(spellings: Mapping[str, str]) -> None:
    """Say which domains were spelt in several ways."""
    several = Counter(spellings.values())
    for domain, count in several.items():
        if count > 1:
            _log.warning(
                "domain %s is spelt in %d ways (capitals, blanks, hyphens); all are "
                "taken for one domain",
                *(show_domain(domain), count),
            )


def _tell_travellers(scans: Sequence[DomainScan]) -> None:
    """Say that subjects are in several domains: perhaps these are not the same."""
    domains: dict[str, set[str]] = defaultdict(set)
    for scan in scans:
        domains[scan.subject].add(scan.domain)
    count = sum(len(seen) > 1 for seen in domains.values())
    if count:
        _log.warning(
            "%d subjects have scans of several domains and count as one person each; "
            "if sites number their patients alike, put the site before the subject",
            count,
        )
