"""A label map as a DICOM SEG that refers to the images it was drawn on.

References:
    DICOM PS3.3, A.51 (Segmentation IOD), C.8.20 (Segmentation modules).
    Bridge et al., "Highdicom: a Python library for standardized encoding of image
    annotations and machine learning model outputs in pathology and radiology",
    Journal of Digital Imaging 2022, doi:10.1007/s10278-022-00683-y.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from medinorm import __version__
from medinorm.errors import ReadError
from medinorm.files.nifti import Volume
from medinorm.ingest.dicom.files import quiet_reading
from medinorm.segment.label_codes import find_code
from medinorm.segment.source_series import SourceSeries

SERIES_DESCRIPTION = "Segmentation by medinorm"
_MAKER = "medinorm"
_SERIES_NUMBER = 9001  # scanners number theirs from 1
_LONGEST = 64  # characters of a label in DICOM
_REFUSALS = (ValueError, TypeError, AttributeError, KeyError, IndexError)
_RAS = np.array([-1.0, -1.0, 1.0])  # DICOM's axes are LPS


@dataclass(frozen=True)
class Algorithm:
    """What drew a label map.

    Args:
        name: of the networks.
        bundle: checksum of the bundle that they come from.
    """

    name: str
    bundle: str


def name_instance(source: SourceSeries, label_map: str, algorithm: Algorithm) -> str:
    """The UID of a SEG: the same for the same label map of the same images.

    Args:
        source: the images.
        label_map: checksum of the label map.
        algorithm: what drew it.
    """
    return str(generate_uid(entropy_srcs=[*_origin(source, algorithm), label_map]))


def build_segmentation(
    label_map: Volume,
    source: SourceSeries,
    labels: Mapping[int, str],
    algorithm: Algorithm,
    uid: str,
) -> Dataset:
    """Make a SEG of a label map, one binary segment for each label.

    It belongs to the patient and the study of its source, and repeats nothing else of
    it but where its slices lie. Where the slices of the label map are not those of the
    source, it says where they lie itself.

    Args:
        label_map: on the grid of the scan, whose third axis goes through the slices.
        source: the images that it was drawn on.
        labels: value and name of each label.
        algorithm: what drew it.
        uid: of the SEG, see `name_instance`.

    Raises:
        ReadError: the headers of the source do not allow a SEG.
    """
    make = partial(
        hd.seg.Segmentation,
        source_images=list(source.images),
        further_source_images=list(source.others) or None,
        pixel_array=_numbered(label_map, list(labels)),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=_describe(labels, algorithm),
        series_instance_uid=generate_uid(entropy_srcs=_origin(source, algorithm)),
        series_number=_SERIES_NUMBER,
        series_description=SERIES_DESCRIPTION,
        sop_instance_uid=uid,
        instance_number=1,
        manufacturer=_MAKER,
        manufacturer_model_name=f"{_MAKER} segment",
        software_versions=__version__,
        device_serial_number=algorithm.bundle,
        content_label="SEGMENTATION",
        specific_character_set="ISO_IR 192",
    )
    try:
        with quiet_reading():
            seg = make(**({} if source.aligned else _places(label_map)))
            if source.frames:
                _point_at_frames(seg, source.frames)
    except _REFUSALS:
        raise ReadError(
            "DICOM SEG: the headers of the series do not say all that a SEG must "
            "repeat; use the label map in NIfTI"
        ) from None
    return seg


def _origin(source: SourceSeries, algorithm: Algorithm) -> list[str]:
    """What the UID of the series is made from."""
    first = source.images[0]
    return [_MAKER, __version__, str(first.SOPInstanceUID), algorithm.bundle]


def _numbered(label_map: Volume, values: Sequence[int]) -> NDArray[np.uint8]:
    """Numbers of segments, from 1, of shape ``(slices, rows, columns)``."""
    table = np.zeros(max(values) + 1, dtype=np.uint8)
    table[values] = np.arange(1, len(values) + 1)
    return np.ascontiguousarray(table[label_map.array[0]].T)


def _describe(
    labels: Mapping[int, str], algorithm: Algorithm
) -> list[hd.seg.SegmentDescription]:
    """What each segment shows and what drew it."""
    identification = hd.AlgorithmIdentificationSequence(
        name=algorithm.name[:_LONGEST],
        family=codes.DCM.ArtificialIntelligence,
        version=__version__,
        source=_MAKER,
        parameters={"bundle": algorithm.bundle},
    )
    descriptions = []
    for number, (value, name) in enumerate(labels.items(), start=1):
        code = find_code(value, name)
        description = hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=name[:_LONGEST],
            segmented_property_category=code.category,
            segmented_property_type=code.type,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=identification,
        )
        if code.side:
            (item,) = description.SegmentedPropertyTypeCodeSequence
            item.SegmentedPropertyTypeModifierCodeSequence = [
                hd.sr.CodedConcept.from_code(code.side)
            ]
        descriptions.append(description)
    return descriptions


def _places(label_map: Volume) -> dict[str, Any]:
    """Where the slices of a label map lie, in the words of highdicom."""
    affine = label_map.affine
    spacing = label_map.spacing
    directions = affine[:3, :2] / spacing[:2] * _RAS[:, np.newaxis]
    steps = np.arange(label_map.grid[2])[:, np.newaxis]
    positions = (affine[:3, 3] + steps * affine[:3, 2]) * _RAS
    patient = hd.CoordinateSystemNames.PATIENT
    return {
        "pixel_measures": hd.PixelMeasuresSequence(
            pixel_spacing=(spacing[1], spacing[0]),
            slice_thickness=spacing[2],
            spacing_between_slices=spacing[2],
        ),
        "plane_orientation": hd.PlaneOrientationSequence(
            patient, directions.T.ravel().tolist()
        ),
        "plane_positions": [
            hd.PlanePositionSequence(patient, position.tolist())
            for position in positions
        ],
    }


def _point_at_frames(seg: Dataset, frames: Sequence[int]) -> None:
    """Let references to slices, from 1, be those to frames of the file."""
    references = (
        image
        for group in seg.PerFrameFunctionalGroupsSequence
        for derivation in group.get("DerivationImageSequence", ())
        for image in derivation.SourceImageSequence
    )
    # Segments on one slice share the reference: each is changed once.
    for image in {id(image): image for image in references}.values():
        image.ReferencedFrameNumber = frames[int(image.ReferencedFrameNumber) - 1]
