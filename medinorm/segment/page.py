"""A page with a preview of each segmented scan and the outlines of its labels."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from medinorm.bundle.contents import BundleContents
from medinorm.config import TaskConfig
from medinorm.files.records import read_records, write_records
from medinorm.files.sidecars import recorded_checksum
from medinorm.layout import Layout
from medinorm.records.scans import ExcludedRow, ScanRow
from medinorm.report.figures.previews import draw_previews
from medinorm.report.pages.quality_page import write_quality_page

PAGE = "segmentations.html"
_TITLE = "medinorm segmentation"


def write_segmentation_page(
    layout: Layout,
    label_maps: Mapping[str, Path],
    reasons: Mapping[str, str],
    contents: BundleContents,
) -> None:
    """Write the page: scans with what was drawn on them, and what was left out.

    Previews that are current are not drawn again.

    Args:
        layout: where ingest put the scans.
        label_maps: of the scans that were segmented, by their id.
        reasons: why others were not, likewise.
        contents: of the bundle.
    """
    results, canonical = Path(layout.results), Path(layout.canonical)
    rows = read_records(Path(layout.scans), ScanRow)
    drawn = [
        _with_label(r, label_maps[r.scan], canonical) for r in _of(rows, label_maps)
    ]
    left_out = read_records(Path(layout.excluded), ExcludedRow)
    left_out += [
        ExcludedRow(r.scan, r.scan, reasons[r.scan]) for r in _of(rows, reasons)
    ]
    task = TaskConfig(label_values=dict(contents.labels))
    previews = Path(layout.previews)
    with TemporaryDirectory(dir=results) as folder:
        scans, excluded, status = (
            Path(folder, name) for name in ("scans.tsv", "excluded.tsv", "status.tsv")
        )
        write_records(scans, drawn, ScanRow)
        write_records(excluded, left_out, ExcludedRow)
        if drawn:
            draw_previews(scans, canonical, previews, status, input=task)
        write_quality_page(
            *(scans, excluded, previews, results / PAGE),
            [status] if drawn else [],
            title=_TITLE,
            domain=contents.domain,
            input=task,
        )


def _of(rows: Sequence[ScanRow], scans: Mapping[str, object]) -> list[ScanRow]:
    """The rows of some scans."""
    return [row for row in rows if row.scan in scans]


def _with_label(row: ScanRow, label_map: Path, canonical: Path) -> ScanRow:
    """A scan whose label map is the one that was drawn on it."""
    content = f"{row.content} {recorded_checksum(label_map)}"
    label = os.path.relpath(label_map, canonical)
    return replace(row, label=Path(label).as_posix(), content=content)
