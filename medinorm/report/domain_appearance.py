"""What the scans of each domain look like, before and after harmonization."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from medinorm.errors import ScanError
from medinorm.files.nifti import Volume, read_volume
from medinorm.layout import harmonized_paths
from medinorm.report.figures.ridge_plot import Ridge
from medinorm.report.figures.slices import (
    crop,
    cut,
    display_window,
    draw_slice,
    turn_upright,
)
from medinorm.scan import Scan

SCANS_PER_DOMAIN = 8  # read for the distributions
_VOXELS = 4000  # of one label in one scan
_AXIAL = 2

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Look:
    """One domain before harmonization.

    Args:
        domain: its name.
        scan: id of the pictured scan.
        picture: its axial slice with the most labelled voxels.
        window: intensities shown black and white, as stored.
        grid: number of voxels along right, anterior and superior.
        spacing: distance of voxel centres, in mm.
        ridge: intensities inside each label, over several scans.
    """

    domain: str
    scan: str
    picture: Markup
    window: tuple[float, float]
    grid: tuple[int, int, int]
    spacing: tuple[float, float, float]
    ridge: Ridge


def look_at(
    domain: str, scans: Sequence[Scan], labels: Mapping[int, str]
) -> Look | None:
    """Picture the first readable scan of a domain and measure some of its scans.

    Args:
        domain: the domain.
        scans: its scans, in the order of their ids.
        labels: value and name of each label.

    Returns:
        The look, or ``None`` when none of the scans can be read.
    """
    found = list(_read_some(scans))
    if not found:
        return None
    ridge = _gather(domain, [(image, label) for _, image, label in found], labels)
    return _picture(domain, *found[0], ridge)


def look_after(
    domain: str, scans: Sequence[Scan], harmonized: Path, labels: Mapping[int, str]
) -> Ridge | None:
    """Measure the same scans once they are harmonized.

    Args:
        domain: the domain.
        scans: its scans, in the order of their ids.
        harmonized: folder of the harmonized scans.
        labels: value and name of each label.

    Returns:
        The intensities, or ``None`` when none of the scans can be read.
    """
    after = [
        replace(scan, image=image, label=label)
        for scan in _spread(scans)
        for image, label in [harmonized_paths(harmonized, scan.scan)]
        if image.exists()
    ]
    pairs = [(image, label) for _, image, label in _read_some(after)]
    return _gather(domain, pairs, labels) if pairs else None


def _read_some(scans: Sequence[Scan]) -> Iterator[tuple[Scan, Volume, Volume]]:
    """Some of the scans with image and label map; what cannot be read is logged."""
    for scan in _spread(scans):
        try:
            yield scan, *_read(scan)
        except ScanError as error:
            _log.warning("%s: %s", scan.scan, error)


def _gather(
    domain: str, pairs: Sequence[tuple[Volume, Volume]], labels: Mapping[int, str]
) -> Ridge:
    """The intensities inside each label, of all scans together."""
    return Ridge(
        domain,
        {
            name: np.concatenate(
                [
                    _sample(image.array[0], label.array[0] == value)
                    for image, label in pairs
                ]
            )
            for value, name in labels.items()
        },
    )


def _read(scan: Scan) -> tuple[Volume, Volume]:
    """Image and label map of a scan, upright.

    Raises:
        ScanError: one of them is missing, cannot be read or lies on another grid.
    """
    if scan.label is None:
        raise ScanError("the scan has no label map")
    image, label = (
        turn_upright(read_volume(path)) for path in (scan.image, scan.label)
    )
    if image.grid != label.grid:
        raise ScanError("image and label map lie on different grids")
    return image, label


def _picture(
    domain: str, scan: Scan, image: Volume, label: Volume, ridge: Ridge
) -> Look:
    """The look of a domain, through one scan."""
    labelled = np.count_nonzero(label.array[0], axis=(0, 1))
    window = display_window(image.array[0])
    whole = cut(image.array[0], image.spacing, _AXIAL, int(labelled.argmax()))
    shown = crop(whole, slice(None), slice(None))
    title = f"axial slice of a scan of {domain}"
    picture = draw_slice(shown, window, (), _AXIAL, title)
    place = image.grid, image.spacing
    return Look(domain, scan.scan, picture, window, *place, ridge)


def _spread(scans: Sequence[Scan]) -> list[Scan]:
    """Some scans, the first among them, evenly spread over all."""
    step = max(len(scans) / SCANS_PER_DOMAIN, 1.0)
    return [scans[int(i * step)] for i in range(min(len(scans), SCANS_PER_DOMAIN))]


def _sample(image: NDArray[Any], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Finite intensities inside a mask, thinned evenly to a bounded number."""
    values = image[inside]
    values = values[np.isfinite(values)]
    thinned: NDArray[np.float32] = values[:: max(values.size // _VOXELS, 1)].astype(
        np.float32
    )
    return thinned
