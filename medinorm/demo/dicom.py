"""DICOM objects as scanners write them, with the identity of the patient."""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    BasicTextSRStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    SecondaryCaptureImageStorage,
)
from pydicom.valuerep import format_number_as_ds

from medinorm.demo.grid import Grid
from medinorm.demo.patients import Patient, Site, uid_of
from medinorm.demo.scanners import Scanner

_RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])

_PROTON_MHZ_PER_T = 42.577

# Creator of each vendor's private block that holds identity, and its first element.
_PRIVATE = {
    "SIEMENS": (0x0029, "SIEMENS CSA HEADER", 0x20, "OB"),
    "GE MEDICAL SYSTEMS": (0x0009, "GEMS_IDEN_01", 0x31, "LO"),
    "Philips Medical Systems": (0x2001, "Philips Imaging DD 001", 0x7B, "LO"),
    "Hyperfine, Inc.": (0x0021, "HYPERFINE", 0x01, "LO"),
}


def identity_dataset(patient: Patient, site: Site) -> Dataset:
    """The attributes that say who was scanned, when, where and by whom."""
    dataset = Dataset()
    for keyword, value in _identity(patient, site).items():
        setattr(dataset, keyword, value)
    return dataset


def image_dataset(identity: Dataset, scanner: Scanner, patient: Patient) -> Dataset:
    """Identity, vendor and protocol: what all images of one scanner share."""
    dataset = deepcopy(identity)
    for keyword, value in (_protocol(scanner) | dict(scanner.header)).items():
        if value is not None:
            setattr(dataset, keyword, value)
    group, creator, element, kind = _PRIVATE[dataset.Manufacturer]
    text = f"{patient.family_name}^{patient.given_name} {patient.identifier}"
    value = text.encode() + b" " * (len(text) % 2) if kind == "OB" else text
    block = dataset.private_block(group, creator, create=True)
    block.add_new(element, kind, value)
    return dataset


def series_dataset(shared: Dataset, uid: str, number: int, description: str) -> Dataset:
    """A copy of `shared` for one series.

    Args:
        shared: what the series' files have in common with others.
        uid: SeriesInstanceUID.
        number: SeriesNumber.
        description: SeriesDescription and ProtocolName.
    """
    dataset = deepcopy(shared)
    dataset.SeriesInstanceUID = uid
    dataset.SeriesNumber = number
    dataset.SeriesDescription = description
    dataset.ProtocolName = description
    return dataset


def write_slice(
    path: Path, series: Dataset, pixels: NDArray[Any], grid: Grid, index: int
) -> None:
    """Write one slice as MR Image Storage.

    What differs from slice to slice is set in `series` itself, because a copy for each
    slice would cost more than writing it; its InstanceNumber must be there.

    Args:
        path: file to write.
        series: attributes of the whole series.
        pixels: stored values, shape ``(columns, rows)``, 16 bits.
        grid: voxels of the series.
        index: which of its slices.
    """
    columns, rows = pixels.shape
    position = grid.affine @ [0, 0, index, 1]
    series.SOPClassUID = MRImageStorage
    series.SOPInstanceUID = uid_of(series.SeriesInstanceUID, series.InstanceNumber)
    series.Rows, series.Columns = rows, columns
    for keyword, values in _geometry(grid, position[:3]).items():
        setattr(series, keyword, values)
    series.SmallestImagePixelValue = int(pixels.min())
    series.LargestImagePixelValue = int(pixels.max())
    series.PixelData = np.ascontiguousarray(pixels.T).tobytes()
    _save(series, path)


def write_capture(path: Path, series: Dataset, pixels: NDArray[np.uint8]) -> None:
    """Write a screenshot as Secondary Capture, with the identity burned in.

    Args:
        path: file to write.
        series: attributes of its series.
        pixels: shape ``(rows, columns)``.
    """
    series.SOPClassUID = SecondaryCaptureImageStorage
    series.SOPInstanceUID = uid_of(series.SeriesInstanceUID, 1)
    series.Modality, series.ConversionType = "OT", "WSD"
    series.BurnedInAnnotation = "YES"
    series.ImageType = ["DERIVED", "SECONDARY"]
    series.InstanceNumber = 1
    series.Rows, series.Columns = pixels.shape
    series.SamplesPerPixel, series.PhotometricInterpretation = 1, "MONOCHROME2"
    series.BitsAllocated, series.BitsStored, series.HighBit = 8, 8, 7
    series.PixelRepresentation = 0
    content = pixels.tobytes()
    series.PixelData = content + b"\0" * (len(content) % 2)
    _save(series, path)


def write_report(path: Path, series: Dataset, text: str) -> None:
    """Write a radiologist's finding as Basic Text SR.

    Args:
        path: file to write.
        series: attributes of its series.
        text: the finding.
    """
    series.SOPClassUID = BasicTextSRStorage
    series.SOPInstanceUID = uid_of(series.SeriesInstanceUID, 1)
    series.Modality, series.InstanceNumber = "SR", 1
    series.CompletionFlag, series.VerificationFlag = "COMPLETE", "UNVERIFIED"
    series.ReferencedPerformedProcedureStepSequence = []
    series.PerformedProcedureCodeSequence = []
    series.ValueType, series.ContinuityOfContent = "CONTAINER", "SEPARATE"
    series.ConceptNameCodeSequence = [
        _code("18748-4", "LN", "Diagnostic imaging study")
    ]
    finding = Dataset()
    finding.RelationshipType, finding.ValueType = "CONTAINS", "TEXT"
    finding.ConceptNameCodeSequence = [_code("121071", "DCM", "Finding")]
    finding.TextValue = text
    series.ContentSequence = [finding]
    _save(series, path)


def _save(dataset: Dataset, path: Path) -> None:
    """Write a dataset as a DICOM file in explicit little endian."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


def _identity(patient: Patient, site: Site) -> Mapping[str, Any]:
    """Patient, visit, study and equipment modules."""
    name = f"{patient.family_name}^{patient.given_name}"
    return {
        "SpecificCharacterSet": "ISO_IR 100",
        "PatientName": name,
        "PatientID": patient.identifier,
        "OtherPatientIDs": patient.other_identifier,
        "PatientBirthDate": patient.birth_date,
        "PatientSex": "FM"[int(patient.identifier[-1]) % 2],
        "PatientAge": f"{_age(patient):03d}Y",
        "PatientWeight": 71,
        "PatientAddress": f"{patient.street} 14, {patient.city}",
        "PatientTelephoneNumbers": patient.telephone,
        "PatientComments": f"{name} asks for a call at {patient.telephone}",
        "AccessionNumber": patient.accession,
        "ReferringPhysicianName": f"{patient.referring}^Dr.",
        "OperatorsName": patient.operator,
        "StudyInstanceUID": patient.study_uid,
        "FrameOfReferenceUID": patient.frame_uid,
        "PositionReferenceIndicator": "",
        "StudyID": patient.accession,
        "StudyDescription": "MRI HEAD",
        "StudyDate": patient.study_date,
        "SeriesDate": patient.study_date,
        "AcquisitionDate": patient.study_date,
        "ContentDate": patient.study_date,
        "StudyTime": patient.study_time,
        "SeriesTime": patient.study_time,
        "AcquisitionTime": patient.study_time,
        "ContentTime": patient.study_time,
        "InstitutionName": f"{site.institution} Hospital",
        "InstitutionAddress": f"{site.street} 1, {site.city}",
        "StationName": site.station,
        "DeviceSerialNumber": site.serial,
        "RequestAttributesSequence": [_request(patient)],
    }


def _age(patient: Patient) -> int:
    """Age at the scan in years, possibly one too many."""
    return int(patient.study_date[:4]) - int(patient.birth_date[:4])


def _request(patient: Patient) -> Dataset:
    """The request for the scan: identity inside a sequence."""
    item = Dataset()
    item.RequestedProcedureID = patient.accession
    item.RequestedProcedureDescription = f"Head MRI for Dr. {patient.referring}"
    return item


def _protocol(scanner: Scanner) -> dict[str, Any]:
    """MR image, pixel and timing attributes; times in ms as DICOM has them."""
    sequence = scanner.sequence
    inversion = sequence.inversion_time
    return {
        "Modality": "MR",
        "MRAcquisitionType": "3D",
        "BodyPartExamined": "HEAD",
        "PatientPosition": "HFS",
        "MagneticFieldStrength": scanner.field_strength,
        "ImagingFrequency": _decimal(_PROTON_MHZ_PER_T * scanner.field_strength),
        "ImagedNucleus": "1H",
        "RepetitionTime": _decimal(1e3 * sequence.repetition_time),
        "EchoTime": _decimal(1e3 * sequence.echo_time),
        "InversionTime": None if inversion is None else _decimal(1e3 * inversion),
        "FlipAngle": sequence.flip_angle,
        "NumberOfAverages": 1,
        "EchoNumbers": 1,
        "EchoTrainLength": 1,
        "AcquisitionNumber": 1,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
    }


def _geometry(grid: Grid, position: NDArray[np.float64]) -> dict[str, Any]:
    """Where a slice lies, in the patient system of DICOM (LPS, mm)."""
    axes = grid.affine[:3, :3] / grid.spacing * _RAS_TO_LPS[:, np.newaxis]
    column, row, depth = grid.spacing
    place = position * _RAS_TO_LPS
    normal = np.cross(axes[:, 0], axes[:, 1])
    return {
        "ImagePositionPatient": [_decimal(value) for value in place],
        "ImageOrientationPatient": [_decimal(value) for value in axes[:, :2].T.flat],
        "PixelSpacing": [_decimal(row), _decimal(column)],
        "SliceThickness": _decimal(depth),
        "SpacingBetweenSlices": _decimal(depth),
        "SliceLocation": _decimal(normal @ place),
    }


def _decimal(value: float) -> str:
    """A number as a DICOM decimal string of at most 16 characters."""
    # Adding zero turns a negative zero into zero.
    return str(format_number_as_ds(round(float(value), 9) + 0.0))


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    """An entry of a coding scheme."""
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = value, scheme
    code.CodeMeaning = meaning
    return code
