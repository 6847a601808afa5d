"""The splits of a study: which domains train in each."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from medinorm.choices import DesignName
from medinorm.config import SplitConfig
from medinorm.errors import StageError
from medinorm.records.scans import Role, SplitRow
from medinorm.split.designs import DESIGNS
from medinorm.split.domains import DomainScan, show_domain


@dataclass(frozen=True)
class Split:
    """One way to divide the study.

    Args:
        name: names its files: design, domain, fold.
        design: which domains train.
        fold: whose subjects test, from 0.
        domains: the training domains.
        sized_as: domains that have as many training scans as this split shall have;
            it is tested on the others. ``None``: all scans train, all domains test.
    """

    name: str
    design: DesignName
    fold: int
    domains: frozenset[str]
    sized_as: frozenset[str] | None = None

    def row_of(self, scan: DomainScan, role: Role) -> SplitRow:
        """The row of a scan in the table of splits."""
        return SplitRow(
            split=self.name,
            design=self.design,
            fold=self.fold,
            scan=scan.scan,
            subject=scan.subject,
            domain=scan.domain,
            role=role,
        )


def plan_splits(domains: Iterable[str], settings: SplitConfig) -> list[Split]:
    """The splits of the configured designs, fold by fold.

    Raises:
        StageError: there are too few domains.
    """
    names = sorted(domains)
    column = "+".join(settings.domain)
    needed = max(DESIGNS[design].domains for design in settings.designs)
    if 1 < needed > len(names):
        usable = f"only {', '.join(map(show_domain, names))}" if names else "none"
        raise StageError(
            f"split.domain {column!r}: {usable} has at least two subjects; the "
            f"designs of this study need {needed} such domains; choose another column"
        )
    return [
        Split(stem + suffix, design, fold, training, sized_as)
        for fold, suffix in _folds(settings)
        for design in settings.designs
        for stem, training, sized_as in _training_sets(design, names)
    ]


def _training_sets(
    design: DesignName, names: Sequence[str]
) -> Iterator[tuple[str, frozenset[str], frozenset[str] | None]]:
    """Name and domains of each training set, and the domains it is sized as."""
    declared = DESIGNS[design]
    other = DESIGNS[declared.sized_as].choose(names) if declared.sized_as else None
    for stem, training in declared.choose(names):
        yield stem, training, next(other)[1] if other else None


def _folds(settings: SplitConfig) -> list[tuple[int, str]]:
    """The test folds and the suffix that tells them apart."""
    if settings.test_folds == 1:
        return [(0, "")]
    return [(fold, f"_fold-{fold}") for fold in range(settings.test_folds)]
