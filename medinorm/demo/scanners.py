"""The simulated scanners: field strength, pulse sequence, geometry, coil and scale."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medinorm.demo.grid import Grid
from medinorm.demo.signal import (
    InversionSpinEcho,
    PreparedEcho,
    Sequence,
    SpoiledEcho,
)

# Centre of every field of view: the middle of the head, RAS+ mm.
_HEAD_CENTRE = np.array([0.0, -16.0, 12.0])

# Field of view that holds a head: left-right, posterior-anterior, inferior-superior.
_FIELD_OF_VIEW = np.array([192.0, 228.0, 180.0])

Orientation = Literal["axial", "coronal", "sagittal"]

# Directions of growing column, row and slice index in RAS+, as the DICOM standard
# orients them for display: left on the right side, face to the left.
_AXES: dict[Orientation, NDArray[np.float64]] = {
    "axial": np.array([[-1.0, 0, 0], [0, -1, 0], [0, 0, 1]]).T,
    "coronal": np.array([[-1.0, 0, 0], [0, 0, -1], [0, -1, 0]]).T,
    "sagittal": np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]]).T,
}


@dataclass(frozen=True)
class Scanner:
    """One kind of device with its T1-weighted protocol.

    Args:
        field_strength: in T, a key of the relaxation table.
        sequence: the pulse sequence.
        orientation: of the slices.
        tilt: rotation of the slices about the left-right axis, in degrees.
        slice_ratio: distance of slices over in-plane spacing.
        noise: standard deviation of the noise over the signal of white matter, for
            voxels of 3 x 3 x 3 mm.
        coil: number of coil elements and reach of each in mm.
        white_matter: usual stored value of white matter.
        gain_spread: standard deviation of the logarithm of the gain from scan to scan.
        header: DICOM attributes that all its series share.
        description: SeriesDescription and ProtocolName.
        file_name: pattern of file names, with `number` and `uid`.
        descending: whether instance numbers run against the slice normal.
        rescaled: whether stored values need RescaleSlope to become image values.
    """

    field_strength: float
    sequence: Sequence
    orientation: Orientation
    tilt: float
    slice_ratio: float
    noise: float
    coil: tuple[int, float]
    white_matter: float
    gain_spread: float
    header: Mapping[str, Any]
    description: str
    file_name: str
    descending: bool = False
    rescaled: bool = False


_DECLARED: dict[str, Scanner] = {}
_SEEDS: set[int] = set()

SCANNERS: Mapping[str, Scanner] = MappingProxyType(_DECLARED)
"""The simulated scanners by name."""


def scanner(
    name: str, _text: str, *, seed: int
) -> Callable[[Callable[[], Scanner]], Callable[[], Scanner]]:
    """Declare what the function below returns as a simulated scanner.

    The arguments must be literals: they are read from the text of this file too.

    Args:
        name: its word in the configuration and in names of files.
        _text: what it is, in a few words, for the configuration.
        seed: first number of its random streams. No other scanner has it, and it never
            changes: all subjects of the scanner would change with it.

    Raises:
        ValueError: another scanner has that seed.
    """
    if seed in _SEEDS:
        raise ValueError(f"another scanner has seed {seed}: give {name} one of its own")
    _SEEDS.add(seed)

    def declare(make: Callable[[], Scanner]) -> Callable[[], Scanner]:
        _DECLARED[name] = make()
        return make

    return declare


_PHILIPS_TFE = PreparedEcho(
    repetition_time=2.6,
    echo_time=0.0037,
    inversion_time=1.15,
    flip_angle=8.0,
    echo_spacing=0.0081,
    pulses=200,
)


@scanner("ge_15t", "1.5 T, axial, spoiled gradient echo", seed=0)
def _ge_15t() -> Scanner:
    return Scanner(
        field_strength=1.5,
        sequence=SpoiledEcho(repetition_time=0.024, echo_time=0.005, flip_angle=30.0),
        orientation="axial",
        tilt=0.0,
        slice_ratio=1.2,
        noise=0.04,
        coil=(12, 170.0),
        white_matter=2200.0,
        gain_spread=0.25,
        header={
            "Manufacturer": "GE MEDICAL SYSTEMS",
            "ManufacturerModelName": "SIGNA HDxt",
            "SoftwareVersions": "24\\LX\\MR Software release:HD16.0_V02_1131.a",
            "ScanningSequence": "GR",
            "SequenceVariant": ["SS", "SP", "SK"],
            "ScanOptions": ["FAST_GEMS", "FILTERED_GEMS"],
            "SequenceName": "3dspgr",
            "ReceiveCoilName": "8HRBRAIN",
            "ImageType": ["ORIGINAL", "PRIMARY", "OTHER"],
            "BitsStored": 16,
            "HighBit": 15,
            "PixelRepresentation": 1,
        },
        description="Ax 3D SPGR",
        file_name="i{number}.MRDC.{number}",
    )


@scanner("siemens_3t", "3 T, sagittal, MPRAGE", seed=1)
def _siemens_3t() -> Scanner:
    return Scanner(
        field_strength=3.0,
        sequence=PreparedEcho(
            repetition_time=2.3,
            echo_time=0.00298,
            inversion_time=0.9,
            flip_angle=9.0,
            echo_spacing=0.0071,
            pulses=176,
        ),
        orientation="sagittal",
        tilt=0.0,
        slice_ratio=1.0,
        noise=0.025,
        coil=(7, 100.0),
        white_matter=420.0,
        gain_spread=0.12,
        header={
            "Manufacturer": "SIEMENS",
            "ManufacturerModelName": "Prisma_fit",
            "SoftwareVersions": "syngo MR E11",
            "ScanningSequence": ["GR", "IR"],
            "SequenceVariant": ["SK", "SP", "MP"],
            "ScanOptions": "IR",
            "SequenceName": "*tfl3d1_16ns",
            "ReceiveCoilName": "Head_32",
            "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"],
        },
        description="t1_mprage_sag_p2_iso",
        file_name="MR.{uid}.dcm",
        descending=True,
    )


@scanner("philips_3t", "3 T, coronal, turbo field echo", seed=2)
def _philips_3t() -> Scanner:
    return Scanner(
        field_strength=3.0,
        sequence=_PHILIPS_TFE,
        orientation="coronal",
        tilt=7.0,
        slice_ratio=1.1,
        noise=0.03,
        coil=(5, 115.0),
        white_matter=900.0,
        gain_spread=0.2,
        header={
            "Manufacturer": "Philips Medical Systems",
            "ManufacturerModelName": "Achieva dStream",
            "SoftwareVersions": ["5.3.1", "5.3.1.1"],
            "ScanningSequence": "GR",
            "SequenceVariant": "MP",
            "ScanOptions": "FC",
            "SequenceName": "T1TFE",
            "ReceiveCoilName": "MULTI COIL",
            "ImageType": ["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"],
            # Philips writes the time between echoes here, and no inversion time.
            "RepetitionTime": 1e3 * _PHILIPS_TFE.echo_spacing,
            "InversionTime": None,
        },
        description="sT1W_3D_TFE_COR",
        file_name="IM_{number:04d}",
        rescaled=True,
    )


@scanner(
    "lowfield_64mt", "64 mT, axial, inversion spin echo, known to be difficult", seed=3
)
def _lowfield_64mt() -> Scanner:
    return Scanner(
        field_strength=0.064,
        sequence=InversionSpinEcho(
            repetition_time=1.2, echo_time=0.006, inversion_time=0.34
        ),
        orientation="axial",
        tilt=-11.0,
        slice_ratio=5 / 3,
        noise=0.27,
        coil=(3, 150.0),
        white_matter=150.0,
        gain_spread=0.1,
        header={
            "Manufacturer": "Hyperfine, Inc.",
            "ManufacturerModelName": "Swoop",
            "SoftwareVersions": "rc8.7.0",
            "ScanningSequence": ["SE", "IR"],
            "SequenceVariant": "SK",
            "ScanOptions": "",
            "SequenceName": "FSE",
            "ReceiveCoilName": "HEAD",
            "ImageType": ["ORIGINAL", "PRIMARY", "T1", "NONE"],
        },
        description="T1 (Standard)",
        file_name="{number:06d}.dcm",
    )


def draw_grid(scanner: Scanner, spacing: float, rng: np.random.Generator) -> Grid:
    """The voxels of one scan, with a centre that varies by a few mm.

    Args:
        scanner: gives orientation, tilt and slice distance.
        spacing: in plane, in mm.
        rng: places the field of view.
    """
    axes = _AXES[scanner.orientation]
    steps = spacing * np.array([1.0, 1.0, scanner.slice_ratio])
    extent = np.abs(axes.T) @ _FIELD_OF_VIEW
    shape = np.ceil(extent / steps).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = _tilt(scanner.tilt) @ axes * steps
    centre = _HEAD_CENTRE + rng.normal(0, 2.5, size=3)
    affine[:3, 3] = centre - affine[:3, :3] @ ((shape - 1) / 2)
    columns, rows, slices = shape.tolist()
    return Grid((columns, rows, slices), affine)


def sub_voxels(grid: Grid) -> tuple[int, int, int]:
    """Into how many sub-voxels to divide a voxel along each axis.

    About 1.5 mm resolves what the 1 mm tissue maps hold; more than three in a voxel
    would cost time without a visible effect.

    Examples:
        >>> sub_voxels(Grid((9, 9, 9), np.diag([3.0, 1.0, 9.0, 1.0])))
        (2, 1, 3)
    """
    x, y, z = (max(1, min(3, round(step / 1.5))) for step in grid.spacing)
    return x, y, z


def noise_of(scanner: Scanner, grid: Grid) -> float:
    """Noise over white matter's signal: it falls with the volume of a voxel."""
    return float(scanner.noise * 27.0 / np.prod(grid.spacing))


def _tilt(degrees: float) -> NDArray[np.float64]:
    """Rotation about the left-right axis."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1.0, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
