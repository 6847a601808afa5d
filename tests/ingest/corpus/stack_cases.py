"""Directions, order, and slices that are no even stack."""

from dataclasses import replace

import numpy as np

from tests.ingest.corpus.case import (
    add,
    changed,
    each,
    one,
    several,
    without,
)
from tests.ingest.corpus.series import (
    CORONAL,
    OBLIQUE,
    SAGITTAL,
    slices,
    volume,
    voxels,
)

# ---- directions and order

one("axial", volume())
one("coronal", volume(directions=CORONAL))
one("sagittal", volume(directions=SAGITTAL))
one("oblique", volume(directions=OBLIQUE))
one("descending", volume(directions=((1.0, 0, 0), (0, -1.0, 0))))
add(
    "numbers that lie",
    lambda: [
        changed([ds], [0], InstanceNumber=number, SliceLocation=-7 * number)[0]
        for ds, number in zip(slices(volume()), (4, 1, 6, 2, 5, 3), strict=True)
    ],
    [volume()],
)

# ---- slices that are no even stack

add(
    "one slice missing",
    lambda: [ds for n, ds in enumerate(slices(volume())) if n != 2],
    reasons=["missing_slices: 1 missing, the first after slice 2 of 5"],
)
add(
    "several slices missing",
    lambda: [ds for n, ds in enumerate(slices(volume())) if n not in {1, 4}],
    reasons=["missing_slices: 2 missing, the first after slice 1 of 4"],
)
add(
    "a slice twice",
    lambda: [*slices(volume()), *slices(volume(), first=90)[3:4]],
    reasons=["duplicate: 1 of 7 slices lie where another lies, all with the same"],
)
add(
    "the series twice, under other numbers",
    lambda: [*slices(volume()), *slices(volume(), first=90)],
    reasons=["duplicate: 6 of 12 slices lie where another lies, all with the same"],
)
add(
    "another slice at one place",
    lambda: [*slices(volume()), *slices(several(2)[1], first=90)[3:4]],
    reasons=["duplicate: 1 of 7 slices lie where another lies, not all with the same"],
)
add(
    "the series twice",
    lambda: [*slices(volume()), *slices(volume())],
    [volume()],
)
_UNEVEN = (0, 1, 2.5, 3.5, 5.5, 6.5)


def _uneven():
    found = slices(volume())
    for ds, place in zip(found, _UNEVEN, strict=True):
        ds.ImagePositionPatient = list(volume().position(place))
    return found


add(
    "uneven distances",
    _uneven,
    reasons=["variable_spacing: distances of slices range from 2 to 4 mm"],
)


def _jitter():
    found = slices(volume())
    found[3].ImagePositionPatient = list(volume().position(3) + np.array([0.4, 0, 0]))
    return found


add("jitter", _jitter, reasons=["jitter: a slice lies 0.4 mm from its place"])
_TILTED = volume(lean=(0.0, 0.5))
add(
    "gantry tilt",
    lambda: slices(_TILTED, header={"Modality": "CT", "GantryDetectorTilt": "14"}),
    reasons=[r"tilt: slices are shifted sideways by 14\.0 degrees"],
)
add("single slice", lambda: slices(volume())[:1], reasons=["single_slice: "])


add(
    "no geometry",
    lambda: [
        without(ds, "ImagePositionPatient", "ImageOrientationPatient")
        for ds in slices(volume())
    ],
    reasons=["no_geometry: "],
)
add(
    "a slice without a position",
    lambda: [
        *slices(volume())[:-1],
        without(slices(volume())[-1], "ImagePositionPatient"),
    ],
    reasons=["no_geometry: "],
)
add(
    "sizes differ",
    lambda: [
        *slices(volume())[:-1],
        slices(volume(array=voxels((14, 16, 6))), first=50)[-1],
    ],
    reasons=["mixed_grid: "],
)

# ---- directions in one series

_PLANES = [
    replace(truth, directions=directions)
    for truth, directions in zip(
        several(3), (volume().directions, CORONAL, SAGITTAL), strict=True
    )
]
_LOCALIZER = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
add("three planes", lambda: each(_PLANES, [{}] * 3), _PLANES)
add(
    "localizer",
    lambda: each(_PLANES, [_LOCALIZER] * 3),
    reasons=["a localizer"],
)
add(
    "three single planes",
    lambda: each(_PLANES, [{}] * 3)[::6],
    reasons=["mixed_orientation: "],
)
add(
    "a slice of another direction",
    lambda: each(_PLANES[:2], [{}] * 2)[:7],
    reasons=["mixed_orientation: "],
)
