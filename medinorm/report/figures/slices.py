"""Slices of volumes as greyscale figures with outlines of label maps."""

import base64
import hashlib
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
_THICKER = 1.05  # a larger ratio of spacings says along which axis a scan was taken
_GAP = 0.03  # between two copies of a slice, as a share of its width

# Along the outline with the mask at the right hand: right, down, left, up.
_STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))
_STARTS = ((0, 0), (1, 0), (1, 1), (0, 1))  # corner of the pixel where each begins


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


def find_plane(spacing: tuple[float, float, float]) -> int:
    """The axis across the slices as they were taken; axial where that is not known.

    Args:
        spacing: of the voxels of an upright volume, in mm.

    Examples:
        >>> find_plane((1.0, 5.0, 1.0)), find_plane((3.0, 3.0, 3.0))
        (1, 2)
    """
    thickest = max(range(3), key=lambda axis: spacing[axis])
    second = sorted(spacing)[1]
    return thickest if spacing[thickest] > _THICKER * second else 2


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
    width, height = _measure(image)
    parts = [
        _draw_voxels(image, window),
        *_outline(image, overlays),
        _mark(image, axis),
    ]
    return figure(parts, (width, height), title, f"{PLANES[axis]}")


def draw_twice(
    image: Slice,
    window: tuple[float, float],
    overlays: Sequence[Overlay],
    axis: int,
    titles: tuple[str, str],
) -> Markup:
    """Draw a slice bare and, beside it, with parts of label maps over it.

    Args:
        image: the slice.
        window: intensities shown black and white.
        overlays: masks on the same pixels.
        axis: the axis across the slice.
        titles: what is shown, for screen readers; a text that no other figure of the
            page has, for the address of the voxels in it.
    """
    title, unique = titles
    width, height = _measure(image)
    name = "slice-" + hashlib.blake2b(unique.encode(), digest_size=8).hexdigest()
    step = width * (1 + _GAP)
    parts = (
        _draw_voxels(image, window, name),
        _mark(image, axis),
        element(
            "g",
            element("use", href=f"#{name}"),
            *_outline(image, overlays),
            _mark(image, axis),
            transform=f"translate({step:.2f} 0)",
        ),
    )
    return figure(parts, (step + width, height), title, f"{PLANES[axis]}")


def _measure(image: Slice) -> tuple[float, float]:
    """Width and height, in mm."""
    rows, columns = image.pixels.shape
    return columns * image.size[0], rows * image.size[1]


def _draw_voxels(
    image: Slice, window: tuple[float, float], name: str | None = None
) -> Markup:
    """The voxels, with an address if they are to be used again."""
    width, height = _measure(image)
    return element(
        "image",
        href=_png(image.pixels, *window),
        width=width,
        height=height,
        preserveAspectRatio="none",
        id=name,
    )


def _outline(image: Slice, overlays: Sequence[Overlay]) -> list[Markup]:
    """The overlays; outlines lie on a dark line, so that they show on any grey."""
    scale = "scale({:.4f} {:.4f})".format(*image.size)
    paths = [
        (
            cover(overlay.mask) if overlay.filled else trace(overlay.mask),
            f"{'area' if overlay.filled else 'outline'} {overlay.class_}",
        )
        for overlay in overlays
    ]
    casing = "".join(path for path, class_ in paths if class_.startswith("outline"))
    return [
        element("path", d=path, class_=class_, transform=scale)
        for path, class_ in ((casing, "outline casing"), *paths)
        if path
    ]


def _mark(image: Slice, axis: int) -> Markup:
    """The letter at the left edge."""
    width, height = _measure(image)
    tall = 0.055 * max(width, height)
    return element(
        "text",
        _LEFT[axis],
        x=0.4 * tall,
        y=(height + tall) / 2,
        style=f"font-size: {tall:.1f}px; stroke-width: {tall / 6:.1f}px",
        class_="side",
    )


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

    Each part and each hole is one closed line. Pixels that only share a corner are two
    parts.

    Examples:
        >>> trace(np.array([[True, True]]))
        'M0 0h2v1h-2z'
    """
    leaving = _find_edges(mask)
    return "".join(
        _walk(leaving, corner) for corner in list(leaving) if leaving[corner]
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


_Corner = tuple[int, int]


def _find_edges(mask: NDArray[np.bool_]) -> dict[_Corner, list[int]]:
    """The directions in which the boundary leaves each corner; top edges come first."""
    padded = np.pad(mask, 1)
    beyond = padded[:-2, 1:-1], padded[1:-1, 2:], padded[2:, 1:-1], padded[1:-1, :-2]
    leaving: dict[_Corner, list[int]] = {}
    for direction, (outside, (right, down)) in enumerate(
        zip(beyond, _STARTS, strict=True)
    ):
        rows, columns = np.nonzero(mask & ~outside)
        corners = zip((columns + right).tolist(), (rows + down).tolist(), strict=True)
        for corner in corners:
            leaving.setdefault(corner, []).append(direction)
    return leaving


def _walk(leaving: dict[_Corner, list[int]], start: _Corner) -> str:
    """One closed line; its edges are taken out of `leaving`.

    Where two lines meet in a corner, each turns right, around its own pixel.
    """
    (x, y), direction = start, leaving[start].pop(0)
    sides = [[direction, 0]]
    while True:
        if sides[-1][0] != direction:
            sides.append([direction, 0])
        sides[-1][1] += 1
        x, y = x + _STEPS[direction][0], y + _STEPS[direction][1]
        ways, right = leaving[x, y], (direction + 1) % 4
        if (x, y) == start and right not in ways:
            break
        direction = ways.pop(ways.index(right) if right in ways else 0)
    drawn = "".join(
        f"{'hv'[way % 2]}{length if way < 2 else -length}" for way, length in sides[:-1]
    )
    return f"M{start[0]} {start[1]}{drawn}z"


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
