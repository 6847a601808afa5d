"""The stage that writes the demo study: DICOM series and their label maps."""

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medinorm.choices import ScannerName
from medinorm.config import DemoConfig
from medinorm.demo.anatomy import Atlas, draw_person, read_atlas, tissue_fractions
from medinorm.demo.dicom import (
    identity_dataset,
    image_dataset,
    series_dataset,
    write_capture,
    write_report,
    write_slice,
)
from medinorm.demo.grid import Grid
from medinorm.demo.patients import (
    ANATOMY,
    SCAN,
    Patient,
    draw_patient,
    draw_site,
    stream,
)
from medinorm.demo.scanners import SCANNERS, Scanner, draw_grid, noise_of, sub_voxels
from medinorm.demo.signal import add_rician_noise, coil_sensitivity
from medinorm.demo.tissues import TISSUES, vary_tissues
from medinorm.errors import StageError
from medinorm.files.nifti import Volume, write_volume
from medinorm.files.tables import Row, write_table
from medinorm.jobs.declare import stage
from medinorm.jobs.progress import track

LABEL_COLUMNS = ("series_uid", "label")

# Marks a folder that this stage made and may replace; a hospital's has no such file.
MARK = ".medinorm-demo"

# Philips scales signals to its display by a factor of this order.
_PHILIPS_SCALE = 0.0578

_LABELLED = 3  # the first tissues are the labels 1, 2 and 3

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SimulatedScan:
    """A simulated scan.

    Args:
        values: image in the scanner's own units, shape ``(columns, rows, slices)``.
        label: label map of the same shape.
        grid: the voxels of both.
    """

    values: NDArray[np.float32]
    label: NDArray[np.uint8]
    grid: Grid


@stage("demo")
def write_demo(dicom: Path, labels: Path, *, settings: DemoConfig) -> None:
    """Write the demo study: DICOM files, label maps and the table of label maps.

    The DICOM files lie below `dicom`, the label maps beside the table `labels`.

    The table is written last; while it is missing the demo is unfinished. An earlier
    demo in the same place is replaced. The same settings give the same bytes.

    Args:
        dicom: folder of the DICOM files, one folder a patient.
        labels: table with `series_uid` and `label`, a path relative to its folder.
        settings: scanners, subjects, spacing and seed.

    Raises:
        StageError: `dicom` holds files that are not a demo.
    """
    _refuse_foreign(dicom)
    labels.unlink(missing_ok=True)
    _clear(dicom)
    atlas = read_atlas()
    work = [
        (scanner, subject)
        for scanner in settings.scanners
        for subject in range(settings.subjects)
    ]
    rows: list[Row] = []
    for scanner, subject in track(work, "simulating scans"):
        scan = simulate_scan(atlas, scanner, subject, settings=settings)
        patient = draw_patient(settings.seed, scanner, subject)
        path = Path("labels") / f"{scanner}-{subject:03d}.nii.gz"
        volume = Volume(scan.label[np.newaxis], scan.grid.affine)
        write_volume(volume, labels.parent / path)
        _write_patient(dicom, scanner, subject, patient, scan, settings.seed)
        rows.append({"series_uid": patient.t1_uid, "label": path.as_posix()})
    write_table(labels, rows, LABEL_COLUMNS)


def simulate_scan(
    atlas: Atlas, scanner: ScannerName, subject: int, *, settings: DemoConfig
) -> SimulatedScan:
    """Simulate the scan of one subject on one scanner.

    Args:
        atlas: the head that all subjects are derived from.
        scanner: name of the scanner.
        subject: its number, counted from 0 on each scanner.
        settings: spacing and seed.
    """
    device = SCANNERS[scanner]
    body = stream(settings.seed, scanner, subject, ANATOMY)
    person = draw_person(body)
    tissues = vary_tissues(device.field_strength, body)
    rng = stream(settings.seed, scanner, subject, SCAN)
    grid = draw_grid(device, settings.spacing, rng)
    fractions = tissue_fractions(atlas, person, grid, sub_voxels(grid))
    signals = np.array([device.sequence.signal(tissues[name]) for name in TISSUES])
    contrast = (signals / signals[0]).astype(np.float32)
    image = np.tensordot(contrast, fractions, axes=1)
    image *= _coil(device, grid, rng)
    image = add_rician_noise(image, noise_of(device, grid), rng)
    gain = device.white_matter * np.exp(rng.normal(0, device.gain_spread))
    return SimulatedScan(image * np.float32(gain), label_map(fractions), grid)


def label_map(fractions: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The tissue that fills most of each voxel: 1, 2, 3, or 0 for any other.

    Args:
        fractions: shape ``(tissues, ...)``, the labelled tissues first.
    """
    labelled = fractions[:_LABELLED]
    other = 1 - labelled.sum(axis=0, keepdims=True)
    most = np.argmax(np.concatenate([other, labelled]), axis=0)
    return np.asarray(most, dtype=np.uint8)


def _coil(
    scanner: Scanner, grid: Grid, rng: np.random.Generator
) -> NDArray[np.float32]:
    """The receive sensitivity in one scan."""
    elements, reach = scanner.coil
    return coil_sensitivity(grid.points(), elements=elements, reach=reach, rng=rng)


def _refuse_foreign(dicom: Path) -> None:
    """Raise if `dicom` holds anything that this stage did not write."""
    if dicom.exists() and any(dicom.iterdir()) and not (dicom / MARK).exists():
        raise StageError(
            "the demo's DICOM folder holds other files; give a new or empty folder"
        )


def _clear(dicom: Path) -> None:
    """Leave `dicom` as a folder with nothing but the demo's mark.

    The mark stays throughout, so that a killed run leaves a folder that the next one
    may replace.
    """
    dicom.mkdir(parents=True, exist_ok=True)
    (dicom / MARK).write_text("A simulated study; nobody in it exists.\n")
    for child in dicom.iterdir():
        if child.is_dir():
            shutil.rmtree(child)
        elif child.name != MARK:
            child.unlink()


def _write_patient(
    dicom: Path,
    name: ScannerName,
    subject: int,
    patient: Patient,
    scan: SimulatedScan,
    seed: int,
) -> None:
    """Write what a hospital would send for one patient: the scan and other files."""
    scanner = SCANNERS[name]
    identity = identity_dataset(patient, draw_site(seed, name))
    shared = image_dataset(identity, scanner, patient)
    person = f"{patient.family_name}_{patient.given_name}_{patient.identifier}".upper()
    folder = dicom / person / f"{patient.study_date}_MRI_HEAD"
    localizer = series_dataset(shared, patient.localizer_uid, 1, "3-PLANE LOC")
    _write_localizer(folder / "0001_LOCALIZER", localizer, scan)
    # Some technicians type the patient's name into the description.
    typed = f" {patient.family_name}" if subject % 4 == 1 else ""
    description = scanner.description + typed
    series = series_dataset(shared, patient.t1_uid, 2, description)
    _write_series(folder / "0002_T1", series, scan, scanner)
    (dicom / person / "DICOMDIR").write_text(f"INDEX OF DISC {person}\r\n")
    if subject % 2:
        extra = series_dataset(identity, patient.extra_uid, 99, "Report")
        name = f"{patient.given_name} {patient.family_name}"
        text = f"{name}: no acute intracranial finding."
        write_report(folder / "0099_REPORT" / "SR0001.dcm", extra, text)
    else:
        extra = series_dataset(identity, patient.extra_uid, 99, "Screen Save")
        screen = _as_bytes(scan.values[:, :, scan.grid.shape[2] // 2].T)
        write_capture(folder / "0099_SCREEN" / "SC0001.dcm", extra, screen)


def _write_series(
    folder: Path, series: Dataset, scan: SimulatedScan, scanner: Scanner
) -> None:
    """Write the scan's slices in the way of its vendor."""
    stored = _store(series, scan.values, scanner)
    slices = scan.grid.shape[2]
    for index in range(slices):
        series.InstanceNumber = slices - index if scanner.descending else index + 1
        name = scanner.file_name.format(
            number=series.InstanceNumber, uid=f"{series.SeriesInstanceUID}.{index}"
        )
        write_slice(folder / name, series, stored[:, :, index], scan.grid, index)


def _write_localizer(folder: Path, series: Dataset, scan: SimulatedScan) -> None:
    """Write three crossing slices through the middle of the scan."""
    series.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    for number, axes in enumerate(((0, 1, 2), (0, 2, 1), (1, 2, 0)), start=1):
        affine = scan.grid.affine.copy()
        affine[:3, :3] = affine[:3, list(axes)]
        values = scan.values.transpose(axes)
        columns, rows, slices = values.shape
        plane = values[:, :, slices // 2]
        series.InstanceNumber = number
        stored = _as_bytes(plane).astype(np.uint16)
        grid = Grid((columns, rows, slices), affine)
        write_slice(folder / f"LOC{number}.dcm", series, stored, grid, slices // 2)


def _store(
    series: Dataset, values: NDArray[np.float32], scanner: Scanner
) -> NDArray[Any]:
    """Image values as stored integers, with the rescaling noted in `series`."""
    top = 2**series.BitsStored // (1 + series.PixelRepresentation) - 1
    slope = 1.0
    if scanner.rescaled:
        slope = round(float(values.max()) / top, 6)
        series.RescaleSlope, series.RescaleIntercept = slope, 0
        series.RescaleType = "normalized"
        block = series.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        # Scale slope: stored values over this are proportional to the MR signal.
        block.add_new(0x0E, "FL", _PHILIPS_SCALE / slope)
    series.WindowCenter, series.WindowWidth = scanner.white_matter, scanner.white_matter
    stored = np.rint(values / slope).clip(0, top)
    return np.asarray(stored, dtype=np.uint16)


def _as_bytes(plane: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A plane stretched to 0..255 for display."""
    return np.asarray(np.rint(plane * (255 / plane.max())), dtype=np.uint8)
