"""Who trains and who tests: decided by subject, before anything is learned.

The subjects of each domain fall into equal parts (folds). In one fold the subjects of
one part are test subjects: no network of that fold trains on them, whatever its design,
so that designs are compared on the same scans.
"""

import hashlib
import logging
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medinorm.choices import DesignName
from medinorm.config import SplitConfig
from medinorm.errors import StageError
from medinorm.files.names import slug
from medinorm.files.records import read_records, write_records
from medinorm.records.scans import ExcludedRow, Role, SplitRow
from medinorm.split.designs import DESIGNS

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DomainScan:
    """What the split needs to know of a scan: its subject and its domain."""

    scan: str
    subject: str
    domain: str


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


@dataclass(frozen=True)
class Split:
    """One way to divide the study.

    Args:
        name: names its files: design, domain, fold.
        design: which domains train.
        fold: whose subjects test, from 0.
        domains: the training domains.
    """

    name: str
    design: DesignName
    fold: int
    domains: frozenset[str]


def split_scans(
    scans: Path,
    excluded_by_ingest: Path,
    splits: Path,
    excluded: Path,
    *,
    settings: SplitConfig,
) -> None:
    """Write the role of each scan in each split, and the final list of exclusions.

    Args:
        scans: `scans.tsv`.
        excluded_by_ingest: table of what ingest excluded.
        splits: table to write, one row for each scan with a role in a split.
        excluded: table to write: what ingest excluded, and scans that no split can use.
        settings: domains, designs and folds.

    Raises:
        StageError: a domain column does not exist, too few domains are left, or a
            domain has no test or no training subject in a fold that is tested.
    """
    lines = read_records(scans, _Line)
    known = [_with_domain(line, settings.domain, scans.name) for line in lines]
    unusable = dict(_find_unusable(known))
    usable = [scan for scan in known if scan.scan not in unusable]
    planned = plan_splits({scan.domain for scan in usable}, settings)
    folds = divide_subjects(usable, settings.folds, settings.seed)
    _require_both_sides(usable, folds, settings)
    write_records(splits, _roles(usable, planned, folds, settings), SplitRow)
    for scan, reason in unusable.items():
        _log.warning("%s: %s", scan, reason)
    refused = [
        ExcludedRow(scans.name, scan, reason) for scan, reason in unusable.items()
    ]
    before = read_records(excluded_by_ingest, ExcludedRow)
    write_records(excluded, [*before, *refused], ExcludedRow)


def plan_splits(domains: Iterable[str], settings: SplitConfig) -> list[Split]:
    """The splits of the configured designs, fold by fold.

    Raises:
        StageError: two domains share a file name, or there are too few domains.
    """
    names = sorted(domains)
    column = "+".join(settings.domain)
    needed = max(DESIGNS[design].domains for design in settings.designs)
    if 1 < needed > len(names):
        usable = f"only {', '.join(map(repr, names))}" if names else "none"
        raise StageError(
            f"split.domain {column!r}: {usable} has at least two subjects; the "
            f"designs of this study need {needed} such domains; choose another column"
        )
    slugs = Counter(slug(name) for name in names)
    if twice := [name for name in names if slugs[slug(name)] > 1]:
        raise StageError(
            f"split.domain {column!r}: {twice[0]!r} and {twice[1]!r} would share "
            "a file name; rename one of them"
        )
    return [
        Split(stem + suffix, design, fold, training)
        for fold, suffix in _folds(settings)
        for design in settings.designs
        for stem, training in DESIGNS[design].choose(names)
    ]


def divide_subjects(
    scans: Sequence[DomainScan], folds: int, seed: int
) -> Mapping[str, int]:
    """Give each subject a fold, the same in all its domains.

    Subjects are taken in an order that depends on the seed, their name and the size of
    their domains; each goes where its rarest domain has the fewest subjects so far.

    Args:
        scans: all scans.
        folds: number of parts.
        seed: seed of the order.

    Returns:
        The fold of each subject, from 0.
    """
    domains: dict[str, set[str]] = defaultdict(set)
    for scan in scans:
        domains[scan.subject].add(scan.domain)
    size = Counter(domain for seen in domains.values() for domain in seen)
    rarest_first = {
        subject: sorted(seen, key=lambda domain: (size[domain], domain))
        for subject, seen in domains.items()
    }
    # Subjects of small domains choose first, so that each part gets one of them.
    order = sorted(
        _shuffled(domains, seed), key=lambda subject: size[rarest_first[subject][0]]
    )
    taken: Counter[tuple[str, int]] = Counter()
    fold_of = {}
    for subject in order:
        crowds = [
            [taken[domain, fold] for domain in rarest_first[subject]]
            for fold in range(folds)
        ]
        fold_of[subject] = crowds.index(min(crowds))
        taken.update((domain, fold_of[subject]) for domain in domains[subject])
    return fold_of


def _with_domain(line: _Line, columns: Sequence[str], table: str) -> DomainScan:
    """One scan with its domain, which is empty if one of its columns is."""
    known = line.columns
    for column in columns:
        if column not in known:
            raise StageError(
                f"split.domain: {table} has no column {column!r}; it has "
                f"{', '.join(known)}"
            )
    values = [known[column] for column in columns]
    domain = " ".join(values) if all(values) else ""
    return DomainScan(line.scan, line.subject, domain)


def _find_unusable(scans: Sequence[DomainScan]) -> Iterator[tuple[str, str]]:
    """Scans that no split can use, with the reason."""
    single = find_single_subject_domains(scans)
    for scan in scans:
        if not scan.domain:
            yield scan.scan, "its domain is unknown: fill in the domain column"
        elif scan.domain in single:
            yield (
                scan.scan,
                f"the only subject of domain {scan.domain!r}, which then has no "
                "training and test subjects: add subjects or combine domains",
            )


def find_single_subject_domains(scans: Sequence[DomainScan]) -> set[str]:
    """Domains with scans of one subject only."""
    subjects: dict[str, set[str]] = defaultdict(set)
    for scan in scans:
        subjects[scan.domain].add(scan.subject)
    return {domain for domain, of_domain in subjects.items() if len(of_domain) < 2}


def _require_both_sides(
    scans: Sequence[DomainScan], fold_of: Mapping[str, int], settings: SplitConfig
) -> None:
    """Refuse a division in which a domain cannot test or cannot train."""
    parts: dict[str, set[int]] = defaultdict(set)
    for scan in scans:
        parts[scan.domain].add(fold_of[scan.subject])
    for domain, filled in sorted(parts.items()):
        for fold in range(settings.test_folds):
            if fold not in filled or filled == {fold}:
                side = "training" if filled == {fold} else "test"
                raise StageError(
                    f"domain {domain!r} has no {side} subject in fold {fold}: lower "
                    "split.folds or split.test_folds, or add subjects"
                )


def _folds(settings: SplitConfig) -> list[tuple[int, str]]:
    """The test folds and the suffix that tells them apart."""
    if settings.test_folds == 1:
        return [(0, "")]
    return [(fold, f"_fold-{fold}") for fold in range(settings.test_folds)]


def _roles(
    scans: Sequence[DomainScan],
    planned: Sequence[Split],
    fold_of: Mapping[str, int],
    settings: SplitConfig,
) -> Iterator[SplitRow]:
    """The rows of the table of splits."""
    for split in planned:
        validating = _validation_subjects(scans, split, fold_of, settings)
        for scan in scans:
            role = _role(scan, split, fold_of, validating)
            if role:
                yield SplitRow(
                    split=split.name,
                    design=split.design,
                    fold=split.fold,
                    scan=scan.scan,
                    subject=scan.subject,
                    domain=scan.domain,
                    role=role,
                )


def _role(
    scan: DomainScan,
    split: Split,
    fold_of: Mapping[str, int],
    validating: frozenset[str],
) -> Role | None:
    """What one scan does in one split, if anything."""
    if fold_of[scan.subject] == split.fold:
        return "test"
    if scan.domain not in split.domains:
        return None
    return "validation" if scan.subject in validating else "train"


def _validation_subjects(
    scans: Sequence[DomainScan],
    split: Split,
    fold_of: Mapping[str, int],
    settings: SplitConfig,
) -> frozenset[str]:
    """Training subjects kept for model selection, the same share of each domain."""
    chosen: set[str] = set()
    for domain in sorted(split.domains):
        subjects = {
            scan.subject
            for scan in scans
            if scan.domain == domain and fold_of[scan.subject] != split.fold
        }
        count = math.ceil(settings.validation_fraction * len(subjects))
        count = min(count, len(subjects) - 1)  # one subject must train
        chosen.update(_shuffled(subjects, settings.seed + 1)[:count])
    if settings.validation_fraction and not chosen:
        raise StageError(
            f"split {split.name!r}: no domain has subjects to spare for validation; "
            "add subjects or set split.validation_fraction to 0"
        )
    return frozenset(chosen)


def _shuffled(subjects: Iterable[str], seed: int) -> list[str]:
    """Subjects in an order that new subjects do not disturb."""
    key = str(seed).encode()
    return sorted(
        subjects,
        key=lambda subject: hashlib.blake2b(subject.encode(), key=key).digest(),
    )
