"""Who trains and who tests: decided by subject, before anything is learned.

The subjects of each domain fall into equal parts (folds). In one fold the subjects of
one part are test subjects: no network of that fold trains on them, whatever its design,
so that designs are compared on the same scans.
"""

import logging
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from medinorm.config import SplitConfig
from medinorm.domain_noun import count_noun
from medinorm.errors import StageError
from medinorm.files.records import read_records, write_records
from medinorm.jobs.declare import stage
from medinorm.records.exclusions import (
    keep_exclusions,
    main_reasons,
    write_exclusions,
)
from medinorm.records.scans import ExcludedRow, Role, SplitRow
from medinorm.split.domains import (
    DomainScan,
    count_subjects,
    find_single_subject_domains,
    find_unusable,
    read_domains,
    show_domain,
)
from medinorm.split.external import (
    external_roles,
    find_unusable_external,
    require_apart,
)
from medinorm.split.match_size import choose_training_scans
from medinorm.split.plan import Split, plan_splits
from medinorm.split.ratings import RATED_BAD, find_rated_bad
from medinorm.split.shuffle import shuffle_subjects
from medinorm.split.unlabelled import only_unlabelled_roles, unlabelled_roles

__all__ = [
    "DomainScan",
    "Split",
    "divide_subjects",
    "find_single_subject_domains",
    "plan_splits",
    "split_scans",
]

_DOMAINS_SHOWN = 8
# What a ranking needs, see `find_obstacle` of the evidence.
_RANKED_SUBJECTS = 2  # that test, of each domain
_RANKED_DOMAINS = 3

_log = logging.getLogger(__name__)


@stage("split", after="ingest")
def split_scans(
    scans: Path,
    excluded_by_ingest: Path,
    splits: Path,
    excluded: Path,
    *,
    settings: SplitConfig,
) -> None:
    """Write the role of each scan in each split, and the final list of exclusions.

    If no scan has a label map, one split holds all scans, and the study ends after
    harmonize.

    Args:
        scans: `scans.tsv`.
        excluded_by_ingest: table of what ingest excluded.
        splits: table to write, one row for each scan with a role in a split.
        excluded: table to write: what ingest excluded, scans that were rated bad, and
            scans that no split can use.
        settings: domains, designs, folds and tables of ratings.

    Raises:
        StageError: a domain column does not exist, a table of ratings is refused, too
            few domains are left, or a domain has no test or no training subject in a
            fold that is tested, or one test subject where domains are left out in turn.
    """
    everyone = read_domains(scans, settings.domain, settings.test_only)
    left_out = list(read_records(excluded_by_ingest, ExcludedRow))
    every = _leave_rated_out(everyone, settings.ratings, left_out, scans.name)
    if not any(scan.labelled for scan in everyone):
        if not every:
            why = f"all {len(everyone)} scans are rated bad (split.ratings)"
            raise StageError(why + keep_exclusions(excluded, left_out))
        write_records(splits, only_unlabelled_roles(every), SplitRow)
        write_exclusions(excluded, left_out)
        return
    scanned = [scan for scan in every if scan.labelled]
    unlabelled = [scan for scan in every if not scan.labelled]
    known = [scan for scan in scanned if not scan.external]
    external = [scan for scan in scanned if scan.external]
    unusable = dict(find_unusable(known))
    unusable |= dict(find_unusable_external(external, known))
    for scan, reason in unusable.items():
        _log.warning("%s: %s", scan, reason)
    left_out += [
        ExcludedRow(scans.name, scan, reason) for scan, reason in unusable.items()
    ]
    usable = [scan for scan in known if scan.scan not in unusable]
    try:
        planned = plan_splits({scan.domain for scan in usable}, settings)
        folds = divide_subjects(usable, settings.folds, settings.seed)
        _require_both_sides(usable, folds, settings)
        require_apart(external, usable)
        roles = [
            *_roles(usable, planned, folds, settings),
            *external_roles(
                [scan for scan in external if scan.scan not in unusable], planned
            ),
            *unlabelled_roles(unlabelled, planned),
        ]
        _judge_small_tests(usable, folds, settings)
    except StageError as error:
        why = f"{error}; {_count_all(known)}{_count_left_out(left_out)}"
        raise StageError(why + keep_exclusions(excluded, left_out)) from None
    write_records(splits, roles, SplitRow)
    write_exclusions(excluded, left_out)


def _leave_rated_out(
    scans: Sequence[DomainScan],
    ratings: Sequence[Path],
    left_out: list[ExcludedRow],
    table: str,
) -> list[DomainScan]:
    """The scans that are not rated bad; the others are added to what is left out.

    Args:
        scans: all scans.
        ratings: tables of ratings.
        left_out: what ingest excluded.
        table: the name of the table of scans.

    Raises:
        StageError: a table of ratings is refused.
    """
    names = [scan.scan for scan in scans]
    bad = find_rated_bad(ratings, {*names, *(row.scan or "" for row in left_out)})
    rated = [name for name in names if name in bad]
    left_out += [ExcludedRow(table, name, RATED_BAD) for name in rated]
    if rated:
        _log.warning("%s left out: %s", count_noun(len(rated), "scan"), RATED_BAD)
    return [scan for scan in scans if scan.scan not in bad]


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
        shuffle_subjects(domains, seed),
        key=lambda subject: size[rarest_first[subject][0]],
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


def _count_all(scans: Sequence[DomainScan]) -> str:
    """How many subjects and scans there are, by domain."""
    sizes = Counter(scan.domain for scan in scans)
    counted = [
        f"{show_domain(domain)} {subjects} in {count_noun(sizes[domain], 'scan')}"
        for domain, subjects in count_subjects(scans).items()
        if domain
    ]
    subjects = {scan.subject for scan in scans}
    text = f"subjects: {', '.join(counted[:_DOMAINS_SHOWN])}" if counted else ""
    text += ", ..." if len(counted) > _DOMAINS_SHOWN else ""
    unknown = f"{count_noun(sizes[''], 'scan')} of unknown domain" if sizes[""] else ""
    alone = (
        f"all {len(scans)} scans are of one subject: if one patient number stands for "
        "several people, give each a number of its own (PatientID, or the column "
        "subject) and run ingest again"
        if len(subjects) == 1 < len(scans)
        else ""
    )
    return "; ".join(filter(None, [text, unknown, alone]))


def _count_left_out(rows: Sequence[ExcludedRow]) -> str:
    """How much was left out, and why."""
    if not rows:
        return ""
    return f"; left out: {main_reasons(rows)}"


def _judge_small_tests(
    scans: Sequence[DomainScan], fold_of: Mapping[str, int], settings: SplitConfig
) -> None:
    """Refuse, before anything is trained, what could not be ranked afterwards.

    A study without leave-one-domain-out is not ranked anyway; it is only told.

    Raises:
        StageError: a domain that is left out has too few test subjects.
    """
    tested = [scan for scan in scans if fold_of[scan.subject] < settings.test_folds]
    sizes = count_subjects(scans)
    small = [
        f"domain {show_domain(domain)} has one test subject (of {sizes[domain]})"
        for domain, subjects in count_subjects(tested).items()
        if subjects < _RANKED_SUBJECTS
    ]
    ranks = "lodo" in settings.designs
    if small:
        more = len(small) - _DOMAINS_SHOWN
        text = (
            f"{', '.join(small[:_DOMAINS_SHOWN])}{f' and {more} more' * (more > 0)}; "
            f"each domain needs {_RANKED_SUBJECTS} for a ranking: raise "
            f"split.test_folds (now {settings.test_folds} of "
            f"{count_noun(settings.folds, 'fold')}), lower split.folds, add subjects "
            "or choose another split.domain"
        )
        if ranks:
            raise StageError(text)
        _log.warning("%s", text)
    if ranks and len(sizes) < _RANKED_DOMAINS:
        _log.warning(
            "This study will not be ranked: it has %d domains, a ranking needs %d. Add "
            "scans of other domains, or choose another split.domain.",
            *(len(sizes), _RANKED_DOMAINS),
        )


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
                    f"domain {show_domain(domain)} has no {side} subject in fold "
                    f"{fold}: lower split.folds or split.test_folds, or add subjects"
                )


def _roles(
    scans: Sequence[DomainScan],
    planned: Sequence[Split],
    fold_of: Mapping[str, int],
    settings: SplitConfig,
) -> Iterator[SplitRow]:
    """The rows of the table of splits."""
    for split in planned:
        validating = choose_validation_subjects(scans, split, fold_of, settings)
        roles = {scan.scan: _role(scan, split, fold_of, validating) for scan in scans}
        surplus = _surplus(scans, roles, split, fold_of, settings)
        for scan in scans:
            role = roles[scan.scan]
            if role and scan.scan not in surplus:
                yield split.row_of(scan, role)


def _role(
    scan: DomainScan,
    split: Split,
    fold_of: Mapping[str, int],
    validating: frozenset[str],
) -> Role | None:
    """What one scan does in one split, if anything."""
    if fold_of[scan.subject] == split.fold:
        tests = split.sized_as is None or scan.domain not in split.sized_as
        return "test" if tests else None
    if scan.domain not in split.domains:
        return None
    return "validation" if scan.subject in validating else "train"


def _surplus(
    scans: Sequence[DomainScan],
    roles: Mapping[str, Role | None],
    split: Split,
    fold_of: Mapping[str, int],
    settings: SplitConfig,
) -> frozenset[str]:
    """Training scans that a split of a certain size does without."""
    if split.sized_as is None:
        return frozenset()
    training = [scan for scan in scans if roles[scan.scan] == "train"]
    without = replace(split, domains=split.sized_as, sized_as=None)
    validating = choose_validation_subjects(scans, without, fold_of, settings)
    count = sum(_role(scan, without, fold_of, validating) == "train" for scan in scans)
    left_out = split.domains - split.sized_as
    chosen = choose_training_scans(training, count, settings.seed + 2, needed=left_out)
    return frozenset(scan.scan for scan in training) - chosen


def choose_validation_subjects(
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
        chosen.update(shuffle_subjects(subjects, settings.seed + 1)[:count])
    if settings.validation_fraction and not chosen:
        raise StageError(
            f"split {split.name!r}: no domain has subjects to spare for validation; "
            "add subjects or set split.validation_fraction to 0"
        )
    return frozenset(chosen)
