"""Scans that only test: they never train, select weights or fit a map.

They are tested by the networks of the first fold that train on all domains, and by
those of single sources. Networks that leave a domain out do not test them: the gap is
measured on the domains of the study.
"""

from collections.abc import Iterator, Sequence

from medinorm.errors import StageError
from medinorm.records.scans import SplitRow
from medinorm.split.domains import DomainScan, show_domain
from medinorm.split.plan import Split

_TESTED_BY = frozenset({"pooled", "single"})


def find_unusable_external(
    external: Sequence[DomainScan], internal: Sequence[DomainScan]
) -> Iterator[tuple[str, str]]:
    """Scans that cannot test, because their subject may train, with the reason."""
    known = {scan.subject for scan in internal}
    for scan in external:
        if scan.subject in known:
            yield (
                scan.scan,
                "split.test_only: its subject also has scans that may train; mark all "
                "scans of the subject, or give different people different numbers",
            )


def require_apart(
    external: Sequence[DomainScan], internal: Sequence[DomainScan]
) -> None:
    """Refuse domains that cannot be told from those of the study.

    Raises:
        StageError: a domain of the study has the name of one that only tests.
    """
    common = {scan.domain for scan in external} & {scan.domain for scan in internal}
    if common:
        raise StageError(
            f"split.test_only: the domain {show_domain(min(common))} of the study has "
            "the name of one that only tests; rename it"
        )


def external_roles(
    external: Sequence[DomainScan], planned: Sequence[Split]
) -> Iterator[SplitRow]:
    """The rows of the table of splits for scans that only test."""
    for split in planned:
        if split.fold == 0 and split.design in _TESTED_BY:
            yield from (split.row_of(scan, "test") for scan in external)
