"""A writer of DICOM series whose voxels and places are known.

It shares no code with the reader: positions come from the affine of the truth.
"""

import math
import struct
from dataclasses import dataclass, replace

import numpy as np
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
)
from scipy.spatial.transform import Rotation

AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
CORONAL = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
SAGITTAL = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
OBLIQUE = tuple(
    map(tuple, Rotation.from_euler("xyz", [12, -31, 47], degrees=True).as_matrix().T)
)[:2]

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Truth:
    """A volume before it became DICOM.

    Args:
        array: real values, ``(columns, rows, slices)``.
        directions: of growing column and of growing row, LPS.
        spacing: of columns, rows and slices, mm.
        origin: centre of the first voxel, LPS mm.
        lean: how far each slice is shifted along columns and rows, mm.
    """

    array: np.ndarray
    directions: tuple = AXIAL
    spacing: tuple = (1.25, 1.5, 2.0)
    origin: tuple = (-11.0, 7.0, 23.0)
    lean: tuple = (0.0, 0.0)

    @property
    def lps(self):
        """Voxel index to LPS mm."""
        first, second = np.array(self.directions)
        affine = np.eye(4)
        affine[:3, 0] = first * self.spacing[0]
        affine[:3, 1] = second * self.spacing[1]
        affine[:3, 2] = np.cross(first, second) * self.spacing[2]
        affine[:3, 2] += first * self.lean[0] + second * self.lean[1]
        affine[:3, 3] = self.origin
        return affine

    @property
    def affine(self):
        """Voxel index to RAS mm."""
        return _LPS_TO_RAS @ self.lps

    def position(self, number):
        """Centre of the first pixel of a slice, LPS mm; between slices too."""
        return (self.lps @ [0, 0, number, 1])[:3]

    def part(self, numbers):
        """Some of the slices that follow each other evenly."""
        first, step = numbers[0], numbers[1] - numbers[0]
        return replace(
            self,
            array=self.array[:, :, list(numbers)],
            origin=tuple(self.position(first)),
            spacing=(*self.spacing[:2], self.spacing[2] * step),
        )


def voxels(shape=(16, 14, 6), dtype=np.int16, start=1):
    """Values of which no two are alike, as far as the type can hold them."""
    count = math.prod(shape)
    limit = np.iinfo(dtype)
    values = start + np.arange(count)
    values = (values - limit.min) % (int(limit.max) - int(limit.min) + 1) + limit.min
    return values.reshape(shape, order="F").astype(dtype)


def volume(**changes):
    """A truth with values of its own."""
    return replace(Truth(voxels()), **changes)


def dataset(uid, number, header=(), sop_class=MRImageStorage):
    """A file without pixels."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.file_meta.MediaStorageSOPInstanceUID = f"{uid}.{number}"
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, f"{uid}.{number}"
    ds.SeriesInstanceUID, ds.StudyInstanceUID = uid, "1.2.3.4.5"
    ds.FrameOfReferenceUID = "1.2.3.4.5.6"
    ds.PatientID, ds.PatientName, ds.PatientBirthDate = "patient-1", "A^B", ""
    ds.PatientSex = ds.StudyID = ds.AccessionNumber = ""
    ds.StudyDate, ds.StudyTime = "20200102", "101112"
    ds.Modality, ds.SeriesNumber, ds.PatientPosition = "MR", 3, "HFS"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
    ds.Manufacturer, ds.ManufacturerModelName = "SIEMENS", "Skyra"
    ds.SeriesDescription = ds.ProtocolName = "corpus"
    ds.MagneticFieldStrength, ds.AcquisitionNumber = 3, 1
    ds.RepetitionTime, ds.EchoTime, ds.FlipAngle = 2300, 2.5, 9
    ds.InstanceNumber = number
    for keyword, value in dict(header).items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    return ds


def set_pixels(ds, pixels, *, bits=None):
    """Store values, in as many bits as are given."""
    ds.Rows, ds.Columns = pixels.shape[-2:]
    ds.SamplesPerPixel = 1
    if "PhotometricInterpretation" not in ds:
        ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated = 8 * pixels.dtype.itemsize
    ds.BitsStored = bits or ds.BitsAllocated
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    if bits and pixels.dtype.kind == "i":  # the spare bits are zero, not the sign
        pixels = pixels & ((1 << bits) - 1)
    content = np.ascontiguousarray(pixels).tobytes()
    ds.PixelData = content + b"\0" * (len(content) % 2)
    ds["PixelData"].VR = "OB" if ds.BitsAllocated == 8 else "OW"


def texts(numbers):
    """Numbers as DICOM writes them, in at most 16 characters."""
    return [f"{number:.9g}" for number in numbers]


def slices(truth, uid="1.2.3.9", *, header=(), first=1, stored=None, bits=None):
    """One file for each slice.

    Args:
        truth: where it lies.
        uid: of the series.
        header: elements that differ from the usual ones.
        first: number of the first file.
        stored: stored values, if they are not the real ones.
        bits: how many of those allocated hold values.
    """
    values = truth.array if stored is None else stored
    found = []
    for number in range(values.shape[2]):
        ds = dataset(uid, first + number, header)
        ds.ImagePositionPatient = texts(truth.position(number))
        ds.ImageOrientationPatient = texts(np.ravel(truth.directions))
        ds.PixelSpacing = texts(truth.spacing[1::-1])
        ds.SliceThickness = ds.SpacingBetweenSlices = truth.spacing[2]
        set_pixels(ds, values[:, :, number].T, bits=bits)
        found.append(ds)
    return found


@dataclass(frozen=True)
class EnhancedFrame:
    """One frame of a multi-frame file.

    Args:
        truth: the volume it belongs to.
        number: which slice of it.
        keys: functional groups that tell it from others: sequence, keyword, value.
        slope: real value for each stored one.
        intercept: real value of a stored 0.
        volume: number of its volume in the file.
    """

    truth: Truth
    number: int
    keys: tuple = ()
    slope: float = 1.0
    intercept: float = 0.0
    volume: int = 0


def enhanced(frames, stored, uid="1.2.3.9", header=(), *, dimension=()):
    """One multi-frame file, with an index of its frames' dimensions.

    Args:
        frames: in the order of the file.
        stored: the stored values of each, ``(columns, rows)``.
        uid: of the series.
        header: elements that differ from the usual ones.
        dimension: sequence and keyword by which volumes differ, if there are several.
    """
    ds = dataset(uid, 1, header, EnhancedMRImageStorage)
    ds.NumberOfFrames = len(frames)
    for keyword in ("EchoTime", "AcquisitionNumber"):
        delattr(ds, keyword)
    ds.SharedFunctionalGroupsSequence = Sequence([_shared(frames[0].truth)])
    content = "FrameContentSequence"
    dimensions = [(content, "StackID"), (content, "InStackPositionNumber")]
    dimensions += [dimension] if dimension and dimension[1] != "StackID" else []
    ds.DimensionIndexSequence = Sequence([_dimension(*names) for names in dimensions])
    groups = [_groups(frame, len(dimensions)) for frame in frames]
    ds.PerFrameFunctionalGroupsSequence = Sequence(groups)
    set_pixels(ds, np.stack([values.T for values in stored]))
    return ds


def _shared(truth):
    """The groups that all frames share."""
    group = Dataset()
    measures = Dataset()
    measures.PixelSpacing = texts(truth.spacing[1::-1])
    measures.SliceThickness = measures.SpacingBetweenSlices = truth.spacing[2]
    group.PixelMeasuresSequence = Sequence([measures])
    return group


def _dimension(sequence, keyword):
    """One item of the index of dimensions."""
    item = Dataset()
    item.DimensionIndexPointer = tag_for_keyword(keyword)
    item.FunctionalGroupPointer = tag_for_keyword(sequence)
    return item


def _groups(frame, dimensions):
    """The groups of one frame."""
    group, content = Dataset(), Dataset()
    content.StackID = "1"
    content.InStackPositionNumber = frame.number + 1
    volume, place = frame.volume + 1, frame.number + 1
    content.DimensionIndexValues = (
        [volume, place] if dimensions == 2 else [1, place, volume]
    )
    group.FrameContentSequence = Sequence([content])
    plane, orientation, scaling = Dataset(), Dataset(), Dataset()
    plane.ImagePositionPatient = texts(frame.truth.position(frame.number))
    orientation.ImageOrientationPatient = texts(np.ravel(frame.truth.directions))
    scaling.RescaleSlope, scaling.RescaleIntercept = texts(
        [frame.slope, frame.intercept]
    )
    scaling.RescaleType = "US"
    group.PlanePositionSequence = Sequence([plane])
    group.PlaneOrientationSequence = Sequence([orientation])
    group.PixelValueTransformationSequence = Sequence([scaling])
    for sequence, keyword, value in frame.keys:
        if sequence not in group:
            setattr(group, sequence, Sequence([Dataset()]))
        setattr(getattr(group, sequence)[0], keyword, value)
    return group


def mosaic(truth, uid="1.2.3.9", *, reverse=False, header=(), number=1, csa=True):
    """One Siemens mosaic: slices as tiles, their count and normal in the CSA header.

    Args:
        truth: the volume.
        uid: of the series.
        reverse: whether slices follow against the normal of columns and rows, so that
            the last of the truth is the first tile.
        header: elements that differ from the usual ones.
        number: of the file in its series.
        csa: whether the private header is there.
    """
    columns, rows, count = truth.array.shape
    side = math.ceil(math.sqrt(count))
    mosaic = np.zeros((side * rows, side * columns), truth.array.dtype)
    order = range(count)[::-1] if reverse else range(count)
    for tile, slice_ in enumerate(order):
        row, column = tile // side * rows, tile % side * columns
        mosaic[row : row + rows, column : column + columns] = truth.array[
            :, :, slice_
        ].T
    ds = dataset(uid, number, header)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    first, second = np.array(truth.directions)
    spacing = np.array(truth.spacing)
    # The scanner writes where the first pixel of one large slice would be.
    corner = truth.position(order[0])
    corner = corner - first * spacing[0] * (side - 1) * columns / 2
    corner = corner - second * spacing[1] * (side - 1) * rows / 2
    ds.ImagePositionPatient = texts(corner)
    ds.ImageOrientationPatient = texts([*first, *second])
    ds.PixelSpacing = texts(spacing[1::-1])
    ds.SliceThickness, ds.SpacingBetweenSlices = spacing[2], spacing[2]
    set_pixels(ds, mosaic)
    normal = np.cross(first, second) * (-1 if reverse else 1)
    if csa:
        block = ds.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
        content = csa_header(
            {
                "NumberOfImagesInMosaic": [str(count)],
                "SliceNormalVector": [f"{x:.8f}" for x in normal],
                "PhaseEncodingDirectionPositive": ["1"],
                "ProtocolSliceNumber": ["0"],
            }
        )
        block.add_new(0x08, "CS", "IMAGE NUM 4")
        block.add_new(0x10, "OB", content + b"\0" * (len(content) % 2))
    return ds


def csa_header(elements):
    """Texts by name as the newer form of Siemens' private header."""
    content = b"SV10\4\3\2\1" + struct.pack("<2I", len(elements), 77)
    for name, values in elements.items():
        content += name.encode().ljust(64, b"\0")
        content += struct.pack("<i4s3i", len(values), b"FD\0\0", 3, 6, 77)
        for number in range(6):
            text = values[number].encode() + b"\0" if number < len(values) else b""
            content += struct.pack("<4i", len(text), len(text), 77, len(text))
            content += text.ljust(-(-len(text) // 4) * 4, b"\0")
    return content


def save(datasets, folder, *, preamble=True):
    """Write files whose names say nothing about their order."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, ds in enumerate(datasets):
        path = folder / f"i{(number * 7919 + 13) % 10007:05d}.dcm"
        ds.save_as(path, enforce_file_format=True)
        if not preamble:
            path.write_bytes(path.read_bytes()[132:])
