"""The scans that train, as their headers describe them; each domain counts equally.

Nothing else of a scan is read: no voxel, no label map, and no scan that only tests.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from medinorm.damage import give_up, require_intact
from medinorm.errors import ScanError, StageError
from medinorm.files.nifti import read_grid
from medinorm.records.scans import Scan, SplitRow, is_harmonized_only

Size = tuple[int, int, int]
Spacing = tuple[float, float, float]

LEAST = 0.1  # share of scans that may be smaller than a patch

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScanHeader:
    """What the header of a scan says, along R, A and S.

    Args:
        domain: of the scan.
        grid: number of voxels.
        spacing: distance of voxel centres, in mm.
    """

    domain: str
    grid: Size
    spacing: Spacing

    def extent(self, spacing: Spacing) -> Size:
        """Number of voxels after resampling."""
        x, y, z = (
            max(1, round(count * own / new))
            for count, own, new in zip(self.grid, self.spacing, spacing, strict=True)
        )
        return x, y, z


@dataclass(frozen=True)
class Cohort:
    """The headers of all scans that train in at least one split."""

    headers: tuple[ScanHeader, ...]

    @property
    def domains(self) -> tuple[str, ...]:
        """Their domains, sorted."""
        return tuple(sorted({header.domain for header in self.headers}))

    def spacing_at(self, share: float) -> Spacing:
        """The spacing below which a share of the scans is, along each axis."""
        x, y, z = (
            self._quantile(lambda header, a=axis: header.spacing[a], share)  # type: ignore[misc]
            for axis in range(3)
        )
        return x, y, z

    def median_extent(self, spacing: Spacing) -> Size:
        """The median size after resampling, in voxels."""
        x, y, z = (
            int(self._quantile(lambda h, a=axis: h.extent(spacing)[a], 0.5))  # type: ignore[misc]
            for axis in range(3)
        )
        return x, y, z

    def least_extent(self, spacing: Spacing) -> Size:
        """What 90 % of the scans reach in the domain that is shallowest on an axis."""
        of_domains = [
            Cohort(tuple(h for h in self.headers if h.domain == domain))
            for domain in self.domains
        ]
        x, y, z = (
            int(
                min(
                    one._quantile(lambda h, a=axis: h.extent(spacing)[a], LEAST)  # type: ignore[misc]
                    for one in of_domains
                )
            )
            for axis in range(3)
        )
        return x, y, z

    def median_voxels(self, spacing: Spacing) -> int:
        """The median number of voxels of a scan after resampling."""

        def voxels(header: ScanHeader) -> float:
            x, y, z = header.extent(spacing)
            return x * y * z

        return int(self._quantile(voxels, 0.5))

    def _quantile(self, measure: Callable[[ScanHeader], float], share: float) -> float:
        """The smallest value that a share of the scans does not exceed."""
        sizes = Counter(header.domain for header in self.headers)
        weighted = sorted((measure(h), 1 / sizes[h.domain]) for h in self.headers)
        return weighted_quantile(weighted, share)


def weighted_quantile(weighted: Sequence[tuple[float, float]], share: float) -> float:
    """The smallest value up to which a share of the weight lies.

    Args:
        weighted: values with their weights, smallest value first.
        share: from 0 to 1.

    Examples:
        >>> weighted_quantile([(1.0, 1.0), (5.0, 0.5), (6.0, 0.5)], 0.5)
        1.0
    """
    wanted = share * sum(weight for _, weight in weighted)
    below = 0.0
    for value, weight in weighted:
        below += weight
        if below >= wanted * (1 - 1e-9):
            return value
    return weighted[-1][0]


def training_domains(splits: Iterable[SplitRow]) -> dict[str, str]:
    """The domain of each scan that trains in at least one split, by id."""
    return {row.scan: row.domain for row in splits if row.role == "train"}


def read_cohort(scans: dict[str, Scan], splits: Iterable[SplitRow]) -> Cohort:
    """Read the headers of the scans that train.

    Raises:
        DamagedError: a canonical image is damaged or lost.
        StageError: no scan trains, or one is not in the table of scans.
    """
    rows = list(splits)
    domain_of = training_domains(rows)
    if is_harmonized_only(rows):  # the plan gives the spacing
        domain_of = {row.scan: row.domain for row in rows}
    if not domain_of:
        raise StageError("splits.tsv: no scan trains; split again")
    if missing := domain_of.keys() - scans.keys():
        raise StageError(
            f"splits.tsv: {len(missing)} training scans are not in scans.tsv; "
            "split again"
        )
    return Cohort(
        tuple(
            read_header(scans[scan].image, domain)
            for scan, domain in sorted(domain_of.items())
        )
    )


def read_header(image: Path, domain: str) -> ScanHeader:
    """Read the header of one canonical image.

    Raises:
        DamagedError: the file is damaged or lost.
    """
    import nibabel as nib  # noqa: PLC0415 (half of the start-up of `--help`)

    try:
        volume = read_grid(image)
    except ScanError:
        require_intact(image)
        give_up(image)
    along = nib.orientations.io_orientation(volume.affine)[:, 0]
    order = [list(along).index(axis) for axis in range(3)]
    x, y, z = (volume.grid[axis] for axis in order)
    # Headers hold single precision: what differs by less is the same spacing.
    a, b, c = (round(volume.spacing[axis], 4) for axis in order)
    return ScanHeader(domain, (x, y, z), (a, b, c))
