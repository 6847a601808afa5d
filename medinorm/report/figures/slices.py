"""Slices of volumes as greyscale figures with outlines of label maps."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import nibabel as nib
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from medinorm.files.nifti import Volume
from medinorm.report.figures.svg import element, figure

PLANES = ("sagittal", "coronal", "axial")  # by the axis across them

_MARGIN = 10.0  # mm around what is shown
_MOST_PIXELS = 320  # along the longer side; larger slices are thinned
_WINDOW = (1.0, 99.5)  # percentiles that become black and white
_LEFT = ("A", "R", "R")  # what lies at the left edge of each plane


@dataclass(frozen=True)
class Slice:
    """A slice as it is seen: radiological convention, anterior or superior up.

    Args:
        pixels: shape ``(rows, columns)``.
        size: width and height of a pixel, in mm.
    """

    pixels: NDArray[Any]
    size: tuple[float, float]


@dataclass(frozen=True)
class Overlay:
    """Part of a label map over a slice: its outline, or its area.

    Args:
        mask: shape ``(rows, columns)``, true inside.
        class_: class of the style sheet, which gives the colour.
        filled: whether the area is drawn, not the outline.
    """

    mask: NDArray[np.bool_]
    class_: str
    filled: bool = False


def turn_upright(volume: Volume) -> Volume:
    """The same volume with its axes closest to right, anterior, superior."""
    orientation = nib.orientations.io_orientation(volume.affine)
    turned = [
        nib.orientations.apply_orientation(channel, orientation)
        for channel in volume.array
    ]
    turn = nib.orientations.inv_ornt_aff(orientation, volume.grid)
    return Volume(np.stack(turned), volume.affine @ turn)


def cut(
    array: NDArray[Any], spacing: tuple[float, float, float], axis: int, index: int
) -> Slice:
    """One slice of an upright array.

    Args:
        array: shape ``(X, Y, Z)``, axes to the right, anterior and superior.
        spacing: of the voxels, in mm.
        axis: the axis across the slice: 0 sagittal, 1 coronal, 2 axial.
        index: which slice.
    """
    width, height = (spacing[other] for other in range(3) if other != axis)
    return Slice(np.flip(np.take(array, index, axis=axis).T), (width, height))


def draw_slice(
    image: Slice,
    window: tuple[float, float],
    overlays: Sequence[Overlay],
    axis: int,
    title: str,
) -> Markup:
    """Draw a slice and parts of label maps over it, exactly as the voxels lie.

    Args:
        image: the slice.
        window: intensities shown black and white.
        overlays: masks on the same pixels.
        axis: the axis across the slice, for the letter at its left edge.
        title: what is shown, for screen readers.
    """
    rows, columns = image.pixels.shape
    (dx, dy), (low, high) = image.size, window
    width, height = columns * dx, rows * dy
    voxels = element(
        "image",
        href=_png(image.pixels, low, high),
        width=width,
        height=height,
        preserveAspectRatio="none",
    )
    paths = (
        element(
            "path",
            d=cover(overlay.mask) if overlay.filled else trace(overlay.mask),
            class_=f"{'area' if overlay.filled else 'outline'} {overlay.class_}",
            transform=f"scale({dx:.4f} {dy:.4f})",
        )
        for overlay in overlays
    )
    tall = 0.055 * max(width, height)
    mark = element(
        "text",
        _LEFT[axis],
        x=0.4 * tall,
        y=(height + tall) / 2,
        style=f"font-size: {tall:.1f}px",
        class_="side",
    )
    return figure([voxels, *paths, mark], (width, height), title, f"{PLANES[axis]}")


def frame(masks: Sequence[Slice]) -> tuple[slice, slice]:
    """Rows and columns that hold all masks with a margin around them."""
    together = np.logical_or.reduce([mask.pixels for mask in masks])
    if not together.any():
        return slice(None), slice(None)
    width, height = masks[0].size
    return _range(together.any(axis=1), height), _range(together.any(axis=0), width)


def crop(image: Slice, rows: slice, columns: slice) -> Slice:
    """A part of a slice, thinned if it is larger than a page can show."""
    pixels = image.pixels[rows, columns]
    step = -(-max(pixels.shape) // _MOST_PIXELS)
    width, height = image.size
    return Slice(pixels[::step, ::step], (width * step, height * step))


def display_window(array: NDArray[Any]) -> tuple[float, float]:
    """The intensities shown black and white: percentiles of the finite voxels."""
    finite = array[np.isfinite(array)]
    if finite.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(finite, _WINDOW)
    return float(low), float(high)


def trace(mask: NDArray[np.bool_]) -> str:
    """The boundary of a mask along pixel edges, as SVG path data in pixels.

    Examples:
        >>> trace(np.array([[True, True]]))
        'M0 0h2M0 1h2M0 0v1M2 0v1'
    """
    return "".join(
        f"M{x} {y}{'h' if level else 'v'}{length}"
        for level in (True, False)
        for x, y, length in _edges(mask, level=level)
    )


def cover(mask: NDArray[np.bool_]) -> str:
    """The area of a mask as SVG path data: one bar for each run of pixels in a row.

    Examples:
        >>> cover(np.array([[True, True, False], [False, False, True]]))
        'M0 0h2v1h-2zM2 1h1v1h-1z'
    """
    ends = np.diff(np.pad(mask.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, starts = np.nonzero(ends == 1)
    lengths = np.nonzero(ends == -1)[1] - starts
    bars = zip(starts.tolist(), rows.tolist(), lengths.tolist(), strict=True)
    return "".join(f"M{x} {y}h{length}v1h-{length}z" for x, y, length in bars)


def _edges(mask: NDArray[np.bool_], *, level: bool) -> list[tuple[int, int, int]]:
    """Runs of boundary edges, level or upright: column, row and length."""
    lying = mask if level else mask.T
    change = np.diff(np.pad(lying.astype(np.int8), ((1, 1), (0, 0))), axis=0) != 0
    ends = np.diff(np.pad(change.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    lines, starts = np.nonzero(ends == 1)
    _, stops = np.nonzero(ends == -1)
    runs = zip(lines.tolist(), starts.tolist(), (stops - starts).tolist(), strict=True)
    return [
        (start, row, length) if level else (row, start, length)
        for row, start, length in runs
    ]


def _range(inside: NDArray[np.bool_], size: float) -> slice:
    """From the first to the last true entry, with the margin on both sides."""
    places = np.flatnonzero(inside)
    margin = round(_MARGIN / size)
    return slice(max(int(places[0]) - margin, 0), int(places[-1]) + margin + 1)


def _png(pixels: NDArray[Any], low: float, high: float) -> str:
    """The pixels as a greyscale PNG in a data address."""
    scale = 255.0 / (high - low) if high > low else 0.0
    grey = np.nan_to_num((pixels.astype(np.float64) - low) * scale, nan=0.0)
    stream = BytesIO()
    image = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
    image.save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
