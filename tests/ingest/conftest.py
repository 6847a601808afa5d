"""Generated hospital files with known voxels and places, and the shared real ones."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)

from medinorm.config import IngestConfig, InputConfig
from medinorm.files.tables import read_table
from medinorm.ingest.stage import ingest_scans

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
ROOT = Path(__file__).parents[2]


@dataclass
class Fake:
    """A DICOM series with known voxels: (columns, rows, slices) and places."""

    array: np.ndarray
    directions: tuple = AXIAL
    spacing: tuple = (1.5, 1.25, 2.0)  # rows, columns, slices
    origin: tuple = (-11.0, 7.0, 23.0)
    header: dict = field(default_factory=dict)
    uid: str = field(default_factory=lambda: generate_uid()[:50])
    step: np.ndarray | None = None

    @property
    def affine(self):
        """Voxel index to RAS."""
        along_columns, along_rows = np.array(self.directions)
        affine = np.eye(4)
        affine[:3, 0] = along_columns * self.spacing[1]
        affine[:3, 1] = along_rows * self.spacing[0]
        affine[:3, 2] = self._step
        affine[:3, 3] = self.origin
        return LPS_TO_RAS @ affine

    @property
    def _step(self):
        if self.step is not None:
            return self.step
        return np.cross(*np.array(self.directions)) * self.spacing[2]

    def position(self, index):
        return np.array(self.origin) + index * self._step

    def datasets(self):
        """One classic dataset for each slice."""
        return [self.dataset(index) for index in range(self.array.shape[2])]

    def dataset(self, index):
        ds = self._common(MRImageStorage, f"{self.uid}.{index + 1}")
        ds.ImagePositionPatient = [f"{x:.8g}" for x in self.position(index)]
        ds.ImageOrientationPatient = [
            f"{x:.10g}" for x in np.array(self.directions).ravel()
        ]
        ds.PixelSpacing = list(self.spacing[:2])
        ds.InstanceNumber, ds.SliceThickness = index + 1, self.spacing[2]
        self._set_pixels(ds, self.array[:, :, index].T)
        self._set_header(ds)
        return ds

    def enhanced(self, order):
        """One multi-frame dataset with the slices in a given order."""
        ds = self._common(EnhancedMRImageStorage, f"{self.uid}.1")
        ds.NumberOfFrames = len(order)
        shared = Dataset()
        orientation, measures = Dataset(), Dataset()
        orientation.ImageOrientationPatient = [
            f"{x:.10g}" for x in np.array(self.directions).ravel()
        ]
        measures.PixelSpacing = list(self.spacing[:2])
        timing = Dataset()
        timing.RepetitionTime, timing.FlipAngle = 2300.0, 9.0
        echo = Dataset()
        echo.EffectiveEchoTime = 2.5
        shared.PlaneOrientationSequence = Sequence([orientation])
        shared.PixelMeasuresSequence = Sequence([measures])
        shared.MRTimingAndRelatedParametersSequence = Sequence([timing])
        shared.MREchoSequence = Sequence([echo])
        ds.SharedFunctionalGroupsSequence = Sequence([shared])
        frames = []
        for index in order:
            frame, plane, values = Dataset(), Dataset(), Dataset()
            plane.ImagePositionPatient = [f"{x:.8g}" for x in self.position(index)]
            values.RescaleSlope, values.RescaleIntercept = 1 + index, -index
            frame.PlanePositionSequence = Sequence([plane])
            frame.PixelValueTransformationSequence = Sequence([values])
            frames.append(frame)
        ds.PerFrameFunctionalGroupsSequence = Sequence(frames)
        self._set_pixels(ds, self.array[:, :, list(order)].transpose(2, 1, 0))
        self._set_header(ds)
        return ds

    def _common(self, sop_class, instance):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID = sop_class
        ds.file_meta.MediaStorageSOPInstanceUID = instance
        ds.SOPClassUID, ds.SOPInstanceUID = sop_class, instance
        ds.SeriesInstanceUID = self.uid
        ds.StudyInstanceUID = "1.2.3.4.5"
        ds.FrameOfReferenceUID = "1.2.3.4.5.6"
        ds.PatientID, ds.PatientName, ds.PatientBirthDate = "patient-1", "", ""
        ds.PatientSex = ds.StudyDate = ds.StudyTime = ds.AccessionNumber = ""
        ds.StudyID = ""
        ds.Modality = "MR"
        ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
        ds.Manufacturer, ds.ManufacturerModelName = "SIEMENS", "Skyra"
        ds.MagneticFieldStrength = 2.89362
        ds.SoftwareVersions = "syngo MR E11"
        ds.DeviceSerialNumber, ds.InstitutionName = "45193", "General Hospital"
        ds.RepetitionTime, ds.EchoTime, ds.FlipAngle = 2300, 2.5, 9
        return ds

    def _set_pixels(self, ds, pixels):
        ds.Rows, ds.Columns = pixels.shape[-2:]
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated = ds.BitsStored = 8 * pixels.dtype.itemsize
        ds.HighBit = ds.BitsStored - 1
        ds.PixelRepresentation = int(pixels.dtype.kind == "i")
        ds.PixelData = np.ascontiguousarray(pixels).tobytes()

    def _set_header(self, ds):
        for keyword, value in self.header.items():
            if value is None:
                delattr(ds, keyword)
            else:
                setattr(ds, keyword, value)


def ramp(shape=(20, 18, 17), dtype=np.int16):
    """Voxels of which no two slices, rows or columns are alike."""
    x, y, z = np.indices(shape)
    return (x * x + 7 * y + 31 * z + (x * y * z) % 13).astype(dtype)


def save(datasets, folder, *, preamble=True, suffix=".dcm"):
    """Write datasets to files with names that say nothing about their order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, ds in enumerate(datasets):
        path = folder / f"{hash_like(number)}{suffix}"
        ds.save_as(path, enforce_file_format=preamble)
        paths.append(path)
    return paths


def hash_like(number):
    return f"i{(number * 7919 + 13) % 10007:05d}"


def save_nifti(path, array, affine=None, **header):
    """Write a NIfTI file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = np.diag([1.0, 1.5, 2.0, 1.0]) if affine is None else affine
    image = nib.Nifti1Image(array, affine)
    for key, value in header.items():
        image.header[key] = value
    image.to_filename(path)
    return path


def blocks(shape, values=(1, 2)):
    """A label map with a block for each value."""
    labels = np.zeros(shape, np.uint8)
    for number, value in enumerate(values):
        labels[2 + 3 * number : 5 + 3 * number, 4:9, 3:11] = value
    return labels


@dataclass
class Ingested:
    """Where an ingest run put its files."""

    results: Path
    private: Path

    @property
    def scans(self):
        return read_table(self.results / "scans.tsv")

    @property
    def excluded(self):
        return read_table(self.results / "excluded.tsv")

    @property
    def files(self):
        return read_table(self.private / "files.tsv")

    @property
    def status(self):
        return read_table(self.results / "ingest" / "shard-0.tsv")

    @property
    def account(self):
        """How many files ended in each state."""
        counts = {}
        for row in read_table(self.results / "ingest" / "account.tsv"):
            counts[row["state"]] = counts.get(row["state"], 0) + int(row["files"])
        return counts

    @property
    def written(self):
        """When each image was written, by its name."""
        images = (self.results / "canonical").rglob("*_image.nii.gz")
        return {path.name: path.stat().st_mtime_ns for path in images}

    def reason(self, where):
        """Why the one thing at a place was left out."""
        (row,) = [row for row in self.excluded if row["where"] == where]
        return row["reason"]


@pytest.fixture
def fake():
    """Everything that makes hospital files."""

    class Makers:
        Series = Fake
        ramp = staticmethod(ramp)
        save = staticmethod(save)
        nifti = staticmethod(save_nifti)
        blocks = staticmethod(blocks)

        @staticmethod
        def table(path, rows):
            columns = list(rows[0])
            lines = ["\t".join(columns)]
            lines += ["\t".join(str(row[name]) for name in columns) for row in rows]
            path.write_text("\n".join(lines) + "\n")
            return path

        @staticmethod
        def json(path, value):
            path.write_text(json.dumps(value))
            return path

    return Makers


@pytest.fixture
def ingest(tmp_path):
    """Run the whole stage in one go."""

    def run(*, ingest=None, name="study", columns=(), **source):
        out = Ingested(tmp_path / name / "results", tmp_path / name / "private")
        source.setdefault("label_values", {1: "one", 2: "two"})
        ingest_scans(
            out.results,
            private=out.private,
            columns=columns,
            input=InputConfig(**source),
            ingest=ingest or IngestConfig(),
        )
        return out

    return run


@pytest.fixture
def real_dicom():
    """Folder of real DICOM series."""
    default = ROOT.parent / "shared" / "data"
    folder = Path(os.environ.get("MEDINORM_REAL_DATA", default)) / "dicom"
    if not folder.is_dir():
        pytest.skip("needs the real DICOM series (MEDINORM_REAL_DATA)")
    return folder
