"""Previews: one small figure of each scan with its label map, for the quality page."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medinorm.config import TaskConfig
from medinorm.damage import require_unchanged
from medinorm.errors import LabelError
from medinorm.files.atomic import read_json, replacing
from medinorm.files.nifti import Volume, read_volume
from medinorm.files.records import read_records
from medinorm.files.sidecars import (
    Provenance,
    discard_others,
    discarding,
    is_current,
    recorded_checksum,
    sidecar_path,
    write_sidecar,
)
from medinorm.jobs.declare import stage
from medinorm.jobs.shards import Done, in_shard, run_items
from medinorm.records.scans import Scan, ScanRow, read_scans
from medinorm.records.status import ScanStatus
from medinorm.report.figures.slices import cut, display_window, turn_upright

SIDE = 176  # pixels of each of the three squares
GAP = 4

# The colours of labels in `page.css`, as they are on a dark ground.
COLOURS = (
    *((0, 158, 255), (255, 120, 30), (0, 215, 150), (235, 140, 200)),
    *((255, 195, 40), (120, 205, 255), (165, 150, 255), (190, 190, 190)),
)

_GREYS = 40  # levels; few make small files
_LEVELS = [(level, level, level) for level in (k * 255 // 39 for k in range(_GREYS))]
_LINES = [(0, 0, 0), *COLOURS]  # the first is clear
_SAME_GRID = 0.1  # of a voxel


@dataclass(frozen=True)
class _PreviewJob:
    """What all previews share."""

    folder: Path
    scans: Mapping[str, Scan]
    labels: Mapping[int, str]


@dataclass(frozen=True)
class Measures:
    """What a person wants to know of a scan beside its preview.

    Args:
        grid: number of voxels along right, anterior and superior.
        spacing: distance of voxel centres, in mm.
        window: intensities shown black and white.
        volumes: volume of each label, in ml.
        at_edge: names of labels that touch the edge of the image.
        changes: what ingest changed about the geometry.
        outlines: the outlines of the labels as a PNG of the preview's size, clear
            elsewhere, in base 64.
    """

    grid: tuple[int, int, int]
    spacing: tuple[float, float, float]
    window: tuple[float, float]
    volumes: Mapping[str, float]
    at_edge: tuple[str, ...]
    changes: tuple[str, ...] = ()
    outlines: str = ""


@stage("previews", after="report")
def draw_previews(  # noqa: PLR0913 - what Snakemake knows of a job
    scans: Path,
    canonical: Path,
    previews: Path,
    status: Path,
    *,
    shard: int = 0,
    shards: int = 1,
    input: TaskConfig,  # noqa: A002 - the word in the configuration
) -> None:
    """Draw the scans of one shard: three planes, with outlines and measures.

    Each slice is the one with the most labelled voxels. The outlines of the labels are
    in the sidecar, so that the page can show the scan without them. A preview that is
    current stays; those of scans that are no more are deleted.

    Args:
        scans: `scans.tsv`.
        canonical: folder of the de-identified volumes.
        previews: folder to write previews and measures to.
        status: table to write.
        shard: which part of the work, from 0.
        shards: into how many parts it is divided.
        input: the labels.

    Raises:
        StageError: the table of scans is missing or empty.
    """
    job = _PreviewJob(previews, read_scans(scans, canonical), input.named_labels)
    if shard == 0:
        discard_others(previews, job.scans)
    run_items(
        in_shard(read_records(scans, ScanRow), shard, shards),
        partial(_draw_scan, job=job),
        status,
        title="previews",
        record=ScanStatus,
    )


def _draw_scan(row: ScanRow, *, job: _PreviewJob) -> Done[str]:
    """Draw one scan; the checksum of its preview."""
    scan = job.scans[row.scan]
    target = job.folder / f"{scan.scan}.png"
    provenance = Provenance(
        {"label_values": job.labels, "side": SIDE, "outlines": "apart"},
        {"scan": row.content},
    )
    with discarding(target):
        if is_current(target, provenance):
            return Done("current", recorded_checksum(target))
        image, label = _read(scan)
        grey, outlines = compose_layers(image, label, list(job.labels))
        with replacing(target) as temporary:
            temporary.write_bytes(_encode(grey, _LEVELS))
        labels = job.labels if scan.label else {}  # absent is not 0 ml
        measures = replace(
            measure(image, label, labels),
            changes=_read_changes(scan.image),
            outlines=base64.b64encode(_encode(outlines, _LINES, clear=0)).decode(),
        )
        return Done("made", write_sidecar(target, provenance, asdict(measures)))


def compose_layers(
    image: Volume, label: Volume, values: Sequence[int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Sagittal, coronal and axial slice side by side, and outlines of labels on them.

    Args:
        image: upright; its first channel is drawn.
        label: on the same grid.
        values: the label values, in the order of their colours.

    Returns:
        Both of shape ``(SIDE, 3 * SIDE + 2 * GAP)``: levels of grey from 0; 0 where no
        label ends, else a number from 1 for each of `COLOURS`.
    """
    window = display_window(image.array[0])
    longest = max(np.array(image.grid) * image.spacing)
    layers = np.zeros((2, SIDE, 3 * SIDE + 2 * GAP), dtype=np.uint8)
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        labelled = np.count_nonzero(label.array[0], axis=others)
        # Of a scan without labels, such as a healthy control, the middle is shown.
        index = int(labelled.argmax()) if labelled.any() else len(labelled) // 2
        grey, drawn = (
            cut(volume.array[0], image.spacing, axis, index)
            for volume in (image, label)
        )
        size = [
            max(round(count * step / longest * SIDE), 1)
            for count, step in zip(grey.pixels.shape[::-1], grey.size, strict=True)
        ]
        shades = _resized(_grey(grey.pixels, window), size, Image.Resampling.BOX)
        labels = _resized(drawn.pixels, size, Image.Resampling.NEAREST)
        rows, columns = shades.shape
        top, left = (SIDE - rows) // 2, (SIDE - columns) // 2 + axis * (SIDE + GAP)
        place = slice(top, top + rows), slice(left, left + columns)
        layers[(0, *place)] = shades.astype(np.uint16) * _GREYS // 256
        layers[(1, *place)] = _outlined(labels, values)
    return layers[0], layers[1]


def measure(image: Volume, label: Volume, labels: Mapping[int, str]) -> Measures:
    """Measure a scan and its label map.

    Args:
        image: upright.
        label: on the same grid.
        labels: value and name of each label.
    """
    array = label.array[0]
    voxel = float(np.prod(image.spacing)) / 1000
    counts = np.bincount(array.ravel(), minlength=max(labels, default=0) + 1)
    inside = np.zeros(array.shape, dtype=np.bool_)
    inside[1:-1, 1:-1, 1:-1] = True
    at_edge = set(np.unique(array[~inside]).tolist())
    x, y, z = image.spacing
    return Measures(
        grid=image.grid,
        spacing=(round(x, 3), round(y, 3), round(z, 3)),
        window=display_window(image.array[0]),
        volumes={
            name: round(int(counts[value]) * voxel, 3) for value, name in labels.items()
        },
        at_edge=tuple(name for value, name in labels.items() if value in at_edge),
    )


def read_measures(preview: Path) -> Measures:
    """Read what was measured of a scan, from the sidecar of its preview."""
    record = read_json(sidecar_path(preview))
    return Measures(
        grid=tuple(record["grid"]),
        spacing=tuple(record["spacing"]),
        window=tuple(record["window"]),
        volumes=dict(record["volumes"]),
        at_edge=tuple(record["at_edge"]),
        changes=tuple(record["changes"]),
        outlines=str(record.get("outlines", "")),
    )


def _read(scan: Scan) -> tuple[Volume, Volume]:
    """Image and label map of a scan, upright.

    Raises:
        ScanError: one of them is missing, cannot be read or lies on another grid.
    """
    if scan.label is None:  # then nothing is outlined
        alone = turn_upright(read_volume(require_unchanged(scan.image)))
        return alone, alone.with_array(np.zeros((1, *alone.grid), dtype=np.uint8))
    image, label = (
        turn_upright(read_volume(require_unchanged(path)))
        for path in (scan.image, scan.label)
    )
    if not image.same_grid(label, _SAME_GRID):
        raise LabelError("image and label map lie on different grids")
    return image, label


def _read_changes(image: Path) -> tuple[str, ...]:
    """What ingest changed about the geometry, from the sidecar of the image."""
    return tuple(map(str, read_json(sidecar_path(image)).get("GeometryChanges", ())))


def _grey(pixels: NDArray[Any], window: tuple[float, float]) -> NDArray[np.uint8]:
    """Intensities as grey values."""
    low, high = window
    scale = 255.0 / (high - low) if high > low else 0.0
    grey = np.nan_to_num((pixels.astype(np.float64) - low) * scale, nan=0.0)
    return np.clip(grey, 0, 255).astype(np.uint8)


def _resized(
    pixels: NDArray[Any], size: Sequence[int], how: Image.Resampling
) -> NDArray[np.uint8]:
    """Pixels scaled to a width and a height."""
    small = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.uint8))
    return np.asarray(small.resize((size[0], size[1]), how))


def _outlined(labels: NDArray[np.uint8], values: Sequence[int]) -> NDArray[np.uint8]:
    """Numbers of colours, from 1, where a label ends; 0 elsewhere."""
    padded = np.pad(labels, 1)
    same = np.ones(labels.shape, dtype=np.bool_)
    for shift in ((0, 1), (2, 1), (1, 0), (1, 2)):
        rows, columns = labels.shape
        beside = padded[shift[0] : shift[0] + rows, shift[1] : shift[1] + columns]
        same &= beside == labels
    drawn = np.zeros(labels.shape, dtype=np.uint8)
    for number, value in enumerate(values):
        drawn[~same & (labels == value)] = 1 + number % len(COLOURS)
    return drawn


def _encode(
    pixels: NDArray[np.uint8],
    palette: Sequence[tuple[int, int, int]],
    clear: int | None = None,
) -> bytes:
    """A PNG with a palette, one entry of which may be transparent."""
    image = Image.fromarray(pixels)
    image.putpalette([value for colour in palette for value in colour])
    stream = BytesIO()
    transparency = {} if clear is None else {"transparency": clear}
    # Level 9 takes six times as long for one byte in a hundred.
    image.save(stream, "PNG", compress_level=6, **transparency)
    return stream.getvalue()
