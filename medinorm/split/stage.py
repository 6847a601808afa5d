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
from medinorm.files.tables import Row, read_table, write_table
from medinorm.scan import EXCLUDED_COLUMNS, SPLIT_COLUMNS, Role, slug

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Member:
    """A scan as the split sees it."""

    scan: str
    subject: str
    domain: str


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
    scans: Path, found: Path, splits: Path, excluded: Path, *, settings: SplitConfig
) -> None:
    """Write the role of each scan in each split, and the final list of exclusions.

    Args:
        scans: `scans.tsv`.
        found: table of what ingest excluded.
        splits: table to write, one row for each scan with a role in a split.
        excluded: table to write: `found`, and the scans that no split can use.
        settings: domains, designs and folds.

    Raises:
        StageError: a domain column does not exist, too few domains are left, or a
            domain has no test or no training subject in a fold that is tested.
    """
    rows = read_table(scans, required=("scan", "subject", "session"))
    members = [_member(row, settings.domain, scans.name) for row in rows]
    unusable = dict(_find_unusable(members))
    usable = [member for member in members if member.scan not in unusable]
    planned = plan_splits({member.domain for member in usable}, settings)
    folds = divide_subjects(usable, settings.folds, settings.seed)
    _require_both_sides(usable, folds, settings)
    write_table(splits, _roles(usable, planned, folds, settings), SPLIT_COLUMNS)
    for scan, reason in unusable.items():
        _log.warning("%s: %s", scan, reason)
    refused = [
        {"where": scans.name, "scan": scan, "reason": reason}
        for scan, reason in unusable.items()
    ]
    write_table(excluded, read_table(found) + refused, EXCLUDED_COLUMNS)


def plan_splits(domains: Iterable[str], settings: SplitConfig) -> list[Split]:
    """The splits of the configured designs, fold by fold.

    Raises:
        StageError: two domains share a file name, or there are too few domains.
    """
    names = sorted(domains)
    column = "+".join(settings.domain)
    if len(names) < 2 and set(settings.designs) != {"pooled"}:
        found = f"only {names[0]!r}" if names else "none"
        raise StageError(
            f"split.domain {column!r}: {found} has at least two subjects; leaving "
            "a domain out needs two such domains; choose another column"
        )
    slugs = Counter(slug(name) for name in names)
    if twice := [name for name in names if slugs[slug(name)] > 1]:
        raise StageError(
            f"split.domain {column!r}: {twice[0]!r} and {twice[1]!r} would share "
            "a file name; rename one of them"
        )
    return [
        Split(stem + suffix, design, fold, frozenset(training))
        for fold, suffix in _folds(settings)
        for design in settings.designs
        for stem, training in _training_domains(design, names)
    ]


def divide_subjects(
    members: Sequence[Member], folds: int, seed: int
) -> Mapping[str, int]:
    """Give each subject a fold, the same in all its domains.

    Subjects are taken in an order that depends on the seed, their name and the size of
    their domains; each goes where its rarest domain has the fewest subjects so far.

    Args:
        members: all scans.
        folds: number of parts.
        seed: seed of the order.

    Returns:
        The fold of each subject, from 0.
    """
    domains: dict[str, set[str]] = defaultdict(set)
    for member in members:
        domains[member.subject].add(member.domain)
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


def _member(row: Row, columns: Sequence[str], table: str) -> Member:
    """One row with its domain; empty if a column is."""
    for column in columns:
        if column not in row:
            raise StageError(
                f"split.domain: {table} has no column {column!r}; it has "
                f"{', '.join(row)}"
            )
    values = [row[column] for column in columns]
    domain = " ".join(values) if all(values) else ""
    return Member(row["scan"], row["subject"], domain)


def _find_unusable(members: Sequence[Member]) -> Iterator[tuple[str, str]]:
    """Scans that no split can use, with the reason."""
    subjects: dict[str, set[str]] = defaultdict(set)
    for member in members:
        subjects[member.domain].add(member.subject)
    for member in members:
        if not member.domain:
            yield member.scan, "its domain is unknown: fill in the domain column"
        elif len(subjects[member.domain]) < 2:
            yield (
                member.scan,
                f"the only subject of domain {member.domain!r}, which then has no "
                "training and test subjects: add subjects or combine domains",
            )


def _require_both_sides(
    members: Sequence[Member], fold_of: Mapping[str, int], settings: SplitConfig
) -> None:
    """Refuse a division in which a domain cannot test or cannot train."""
    parts: dict[str, set[int]] = defaultdict(set)
    for member in members:
        parts[member.domain].add(fold_of[member.subject])
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


def _training_domains(
    design: DesignName, names: Sequence[str]
) -> list[tuple[str, set[str]]]:
    """Name and training domains of the splits of one design."""
    if design == "pooled":
        return [("pooled", set(names))]
    if design == "single":
        return [(f"single-{slug(name)}", {name}) for name in names]
    return [(f"lodo-{slug(name)}", set(names) - {name}) for name in names]


def _roles(
    members: Sequence[Member],
    planned: Sequence[Split],
    fold_of: Mapping[str, int],
    settings: SplitConfig,
) -> Iterator[dict[str, object]]:
    """The rows of the table of splits."""
    for split in planned:
        validating = _validation_subjects(members, split, fold_of, settings)
        for member in members:
            role = _role(member, split, fold_of, validating)
            if role:
                yield {
                    "split": split.name,
                    "design": split.design,
                    "fold": split.fold,
                    "scan": member.scan,
                    "subject": member.subject,
                    "domain": member.domain,
                    "role": role,
                }


def _role(
    member: Member,
    split: Split,
    fold_of: Mapping[str, int],
    validating: frozenset[str],
) -> Role | None:
    """What one scan does in one split, if anything."""
    if fold_of[member.subject] == split.fold:
        return "test"
    if member.domain not in split.domains:
        return None
    return "validation" if member.subject in validating else "train"


def _validation_subjects(
    members: Sequence[Member],
    split: Split,
    fold_of: Mapping[str, int],
    settings: SplitConfig,
) -> frozenset[str]:
    """Training subjects kept for model selection, the same part of each domain."""
    chosen: set[str] = set()
    for domain in sorted(split.domains):
        subjects = {
            member.subject
            for member in members
            if member.domain == domain and fold_of[member.subject] != split.fold
        }
        count = math.ceil(settings.validation_fraction * len(subjects))
        count = min(count, len(subjects) - 1)  # somebody must train
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
