"""Scans without a label map: they never train and are never scored."""

import logging
from collections.abc import Iterator, Sequence

from medinorm.choices import DesignName
from medinorm.domain_noun import count_noun
from medinorm.records.scans import HARMONIZED_ONLY, SplitRow
from medinorm.split.domains import DomainScan
from medinorm.split.plan import Split

_DESIGN: DesignName = "pooled"

_log = logging.getLogger(__name__)


def unlabelled_roles(
    scans: Sequence[DomainScan], planned: Sequence[Split]
) -> Iterator[SplitRow]:
    """The rows of scans without a label map, beside those of scans that have one.

    Args:
        scans: those without a label map.
        planned: the splits of the study.
    """
    if scans:
        _log.info(
            "%s without a label map: harmonized and segmented, never trained on or "
            "scored",
            count_noun(len(scans), "scan"),
        )
    for split in planned:
        yield from (split.row_of(scan, "unlabelled") for scan in scans)


def only_unlabelled_roles(scans: Sequence[DomainScan]) -> Iterator[SplitRow]:
    """The rows of a study in which no scan has a label map: one split of all scans.

    Args:
        scans: all of them.
    """
    _log.warning("%s", HARMONIZED_ONLY)
    whole = Split("all", _DESIGN, 0, frozenset(scan.domain for scan in scans))
    yield from (whole.row_of(scan, "unlabelled") for scan in scans)
