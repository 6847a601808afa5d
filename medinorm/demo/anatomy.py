"""Heads: the MNI tissue maps, deformed into different people."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medinorm.demo.grid import Grid, block_mean
from medinorm.demo.tissues import TISSUES

# Lateral ventricles in MNI space, and how far their ageing reaches, in mm.
_VENTRICLES = np.array([0.0, -12.0, 12.0])
_VENTRICLE_REACH = 26.0

# Around the brain the shells of skull and scalp vary smoothly: 2 mm is enough there.
_COARSE = 2
_MARGIN = 28  # mm of surroundings on each side of the brain

# Lower head in MNI space as ellipsoids: centre and radii, in mm. Below the brain the
# template has nothing, a real head has face, neck and airways.
_FLESH = (
    ((0.0, -40.0, -115.0), (62.0, 62.0, 85.0)),
    ((0.0, 38.0, -75.0), (62.0, 58.0, 62.0)),
)
_AIR = (
    ((0.0, 52.0, -48.0), (14.0, 24.0, 14.0)),
    ((0.0, 10.0, -90.0), (12.0, 14.0, 40.0)),
)

Maps = list[NDArray[np.float32]]


@dataclass(frozen=True)
class Atlas:
    """The head that all subjects of the demo are derived from, in MNI space.

    Args:
        brain: fractions of white matter, gray matter and all of the brain.
        brain_affine: ``(4, 4)``, voxel of `brain` to mm.
        head: distance to the brain and signed distance to the surface of the lower
            head (negative inside), both in mm.
        head_affine: ``(4, 4)``, voxel of `head` to mm.
    """

    brain: Maps
    brain_affine: NDArray[np.float64]
    head: Maps
    head_affine: NDArray[np.float64]


@dataclass(frozen=True)
class Person:
    """How one head differs from the atlas.

    Args:
        pose: ``(4, 4)``, position in the scanner's room to MNI space, in mm.
        waves: wave vectors of the displacement, shape ``(K, 3)``, radians per mm.
        amplitudes: complex amplitudes, shape ``(K, 3)``, in mm.
        ageing: growth of the ventricles; 0.3 enlarges their centre by 1 / (1 - 0.3).
        balance: factors on white matter, gray matter and cerebrospinal fluid wherever
            they meet.
        shells: thickness of fluid, skull, fat and skin around the brain, in mm.
    """

    pose: NDArray[np.float64]
    waves: NDArray[np.float64]
    amplitudes: NDArray[np.complex128]
    ageing: float
    balance: tuple[float, float, float]
    shells: tuple[float, float, float, float]


def read_atlas() -> Atlas:
    """Read the ICBM 152 tissue maps that nilearn ships and build the head around them.

    References:
        Fonov et al., "Unbiased average age-appropriate atlases for pediatric studies",
        NeuroImage 54:313, 2011.
    """
    from nilearn import datasets  # noqa: PLC0415 - slow, and needed by nothing else

    images = [
        datasets.load_mni152_wm_template(resolution=1),
        datasets.load_mni152_gm_template(resolution=1),
        datasets.load_mni152_template(resolution=1),
    ]
    affine = np.asarray(images[0].affine, dtype=np.float64)
    maps = [np.asarray(image.dataobj, dtype=np.float32) for image in images]
    white, gray, template = (array / array.max() for array in maps)
    brain = np.maximum((template > 0).astype(np.float32), white + gray).clip(0, 1)
    wrapped, affine = _wrapped([white, gray, brain], affine)
    head, head_affine = _head_around(wrapped[2], affine)
    return Atlas(wrapped, affine, head, head_affine)


def draw_person(rng: np.random.Generator) -> Person:
    """Draw a person: pose, shape, age and thickness of skull and scalp.

    The displacement is a sum of random plane waves, smooth at every scale; with these
    amplitudes it does not fold (a test measures its Jacobian).
    """
    count = 24
    lengths = rng.uniform(45, 160, size=(count, 1))
    directions = rng.standard_normal((count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    phases = rng.standard_normal((count, 3)) + 1j * rng.standard_normal((count, 3))
    # Longer waves move more: the same strain at every scale.
    amplitudes = 4.0 * phases * lengths / 100 / np.sqrt(2 * count)
    return Person(
        pose=_draw_pose(rng),
        waves=2 * np.pi * directions / lengths,
        amplitudes=amplitudes,
        ageing=float(rng.uniform(-0.25, 0.45)),
        # Averaging many people's maps has spread their thin cortex over its neighbours.
        balance=tuple(np.exp(rng.normal((0.2, -0.1, 0.4), 0.12)).tolist()),
        shells=tuple(rng.uniform((0.5, 4.5, 2.5, 1.5), (2.5, 8.0, 6.5, 2.5)).tolist()),
    )


def tissue_fractions(
    atlas: Atlas, person: Person, grid: Grid, parts: tuple[int, int, int]
) -> NDArray[np.float32]:
    """Fraction of each tissue in each voxel of a scan of one person.

    Args:
        atlas: the head that all subjects are derived from.
        person: whose head.
        grid: the scan's voxels, in the scanner's room.
        parts: sub-voxels to a voxel along each axis.

    Returns:
        Shape ``(len(TISSUES), columns, rows, slices)``; the rest up to 1 is air.
    """
    fine = grid.divided(parts)
    places = deform(person, fine)
    distance, flesh = _sample(atlas.head, atlas.head_affine, places)
    near = distance < 2 * _COARSE
    white, gray, brain = _sample(atlas.brain, atlas.brain_affine, places[:, near])
    outer = _outer_tissue(distance, flesh, person.shells)
    room = np.ones(fine.shape, dtype=np.float32)
    room[near] = 1 - brain
    inner = _balanced(white, gray, brain, person.balance)
    fractions = []
    for index in range(len(TISSUES)):
        tissue = room * (outer == index)
        if index < len(inner):
            tissue[near] += inner[index]
        fractions.append(block_mean(tissue, parts))
    return np.stack(fractions)


def deform(person: Person, grid: Grid) -> NDArray[np.float32]:
    """Where in the atlas each voxel of a person's scan lies.

    A plane wave on a regular grid is the product of one factor for each axis, so the
    whole field costs one matrix product for each direction.

    Returns:
        MNI positions in mm, shape ``(3, columns, rows, slices)``.
    """
    origin = grid.affine[:3, 3]
    x, y, z = (np.exp(1j * offsets @ person.waves.T) for offsets in grid.axis_points())
    start = np.exp(1j * origin @ person.waves.T)
    planes = (x[:, np.newaxis] * y[np.newaxis]).reshape(-1, start.size)
    lines = np.concatenate([z.real, -z.imag], axis=1).T.astype(np.float32)
    places = Grid(grid.shape, person.pose @ grid.affine).points()
    for axis in range(3):
        weighted = planes * (start * person.amplitudes[:, axis])
        halves = np.concatenate([weighted.real, weighted.imag], axis=1)
        places[axis] += (halves.astype(np.float32) @ lines).reshape(grid.shape)
    return _aged(places, person.ageing)


def _draw_pose(rng: np.random.Generator) -> NDArray[np.float64]:
    """A random size, tilt and shift of the head, from room to MNI space."""
    turn = np.radians(rng.normal(0, 4, size=3))
    pose = np.eye(4)
    for axis, angle in enumerate(turn):
        first, second = [other for other in range(3) if other != axis]
        rotation = np.eye(4)
        rotation[first, first] = rotation[second, second] = np.cos(angle)
        rotation[first, second], rotation[second, first] = -np.sin(angle), np.sin(angle)
        pose = pose @ rotation
    # The MNI brain is larger than most people's: 1.9 litres, where 1.5 are usual.
    pose[:3, :3] *= rng.uniform(1.02, 1.15) * rng.normal(1, 0.025, size=3)
    pose[:3, 3] = rng.normal(0, 3, size=3)
    return pose


def _aged(places: NDArray[np.float32], ageing: float) -> NDArray[np.float32]:
    """Move places towards the ventricles' centre, so that these appear larger."""
    offsets = places - _VENTRICLES.astype(np.float32)[:, None, None, None]
    x, y, z = offsets
    reach = np.float32(-2 * _VENTRICLE_REACH**2)
    pull = np.float32(ageing) * np.exp((x * x + y * y + z * z) / reach)
    return np.asarray(places - pull * offsets, dtype=np.float32)


def _sample(
    maps: Maps, affine: NDArray[np.float64], places: NDArray[np.float32]
) -> Maps:
    """Values of `maps` at world positions, shape ``(3, ...)``, by linear interpolation.

    Outside the maps the nearest value counts.
    """
    inverse = np.linalg.inv(affine)
    scale = np.diag(inverse)[:3].astype(np.float32)
    shift = inverse[:3, 3].astype(np.float32)
    ones = (1,) * (places.ndim - 1)
    index = places * scale.reshape(3, *ones) + shift.reshape(3, *ones)
    return [
        ndimage.map_coordinates(array, index, np.float32, order=1, mode="nearest")
        for array in maps
    ]


def _balanced(
    white: NDArray[np.float32],
    gray: NDArray[np.float32],
    brain: NDArray[np.float32],
    balance: tuple[float, float, float],
) -> Maps:
    """The brain's three tissues, their shares shifted by a person's balance."""
    fluid = (brain - white - gray).clip(0)
    shares = [
        tissue * np.float32(factor)
        for tissue, factor in zip((white, gray, fluid), balance, strict=True)
    ]
    total = shares[0] + shares[1] + shares[2]
    scale = np.divide(brain, total, out=np.zeros_like(brain), where=total > 0)
    return [share * scale for share in shares]


def _outer_tissue(
    distance: NDArray[np.float32],
    flesh: NDArray[np.float32],
    shells: tuple[float, float, float, float],
) -> NDArray[np.int8]:
    """Which tissue lies outside the brain, as an index into `TISSUES`; -1 is air."""
    fluid, skull, fat, skin = shells
    marrow = skull / 3
    layers = (
        ("cerebrospinal fluid", fluid),
        ("bone", marrow),
        ("fat", marrow),
        ("bone", marrow),
        ("fat", fat),
        ("muscle", skin),
    )
    index = [TISSUES.index(name) for name, _ in layers]
    ends = np.cumsum([thickness for _, thickness in layers]).astype(np.float32)
    tissue = np.array([*index, -1], dtype=np.int8)[np.searchsorted(ends, distance)]
    outside = distance > fluid + skull
    tissue[outside & (flesh < 0)] = TISSUES.index("fat")
    tissue[outside & (flesh < -fat)] = TISSUES.index("muscle")
    return tissue


def _wrapped(
    maps: Maps, affine: NDArray[np.float64]
) -> tuple[Maps, NDArray[np.float64]]:
    """The maps cut to the brain and given a margin on every side.

    Below, the lowest slice is repeated: the template cuts the brain stem, which goes
    on as the spinal cord.
    """
    inside = ndimage.find_objects((maps[2] > 0).astype(np.int8))[0]
    sides = [(_MARGIN, _MARGIN + (span.stop - span.start) % 2) for span in inside]
    below = [(0, 0), (0, 0), (sides[2][0], 0)]
    around = [sides[0], sides[1], (0, sides[2][1])]
    wrapped = [np.pad(np.pad(m[inside], below, "edge"), around) for m in maps]
    moved = affine.copy()
    start = np.array([span.start - _MARGIN for span in inside])
    moved[:3, 3] = affine[:3, :3] @ start + affine[:3, 3]
    return wrapped, moved


def _head_around(
    brain: NDArray[np.float32], affine: NDArray[np.float64]
) -> tuple[Maps, NDArray[np.float64]]:
    """Distance to the brain and to the lower head's surface, on a coarser grid."""
    parts = (_COARSE,) * 3
    coarse = block_mean(brain, parts)
    grid = Grid(brain.shape, affine).divided((1, 1, 1))
    coarse_affine = grid.affine @ np.diag([*parts, 1.0])
    coarse_affine[:3, 3] += affine[:3, :3] @ np.full(3, (_COARSE - 1) / 2)
    distance = ndimage.distance_transform_edt(coarse < 0.5, sampling=_COARSE)
    # The brain's surface lies half a voxel before the first voxel outside.
    surface = (distance - _COARSE / 2).clip(0).astype(np.float32)
    points = Grid(coarse.shape, coarse_affine).points()
    flesh = np.min([_ellipsoid(points, *shape) for shape in _FLESH], axis=0)
    air = np.min([_ellipsoid(points, *shape) for shape in _AIR], axis=0)
    # Steep towards the airways, so that no layer of fat lines them.
    return [surface, np.maximum(flesh, -8 * air)], coarse_affine


def _ellipsoid(
    points: NDArray[np.float32],
    centre: tuple[float, float, float],
    radii: tuple[float, float, float],
) -> NDArray[np.float32]:
    """Roughly the distance to an ellipsoid's surface, in mm, negative inside."""
    size = np.zeros(points.shape[1:], dtype=np.float32)
    for axis, at, radius in zip(points, centre, radii, strict=True):
        size += ((axis - np.float32(at)) / np.float32(radius)) ** 2
    return (np.sqrt(size) - 1) * np.float32(min(radii))
