"""Label maps from annotations of a series: DICOM SEG or RTSTRUCT."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal

from medinorm.errors import GeometryError, ReadError
from medinorm.files.nifti import Volume
from medinorm.ingest.dicom.files import read_header, text_of
from medinorm.ingest.dicom.object_classes import STRUCTURES
from medinorm.ingest.labels.rtstruct import read_structures
from medinorm.ingest.labels.segmentation import read_segmentation


def read_annotation(  # noqa: PLR0913 - what an image and a study say about it
    path: Path,
    image: Volume,
    names: Mapping[int, str],
    tolerance: float,
    space: str = "",
    others: Literal["refuse", "background"] = "refuse",
    *,
    optional: Collection[int] = (),
) -> Volume:
    """Read a SEG or an RTSTRUCT as a label map on the grid of an image.

    Args:
        path: the object.
        image: the image it was drawn on, with the acquisition's axes.
        names: name of each label value of the study, ignored ones included.
        tolerance: largest distance in mm at which two places count as the same.
        space: UID of the image's frame of reference, empty if it has none.
        others: what becomes of segments whose name is not in `names`.
        optional: values whose name need not be in an RTSTRUCT.

    Raises:
        LabelError: the annotation does not fit the study.
        GeometryError: it was drawn in another frame of reference, or does not lie on
            the image's slices.
        ReadError: the object is damaged.
    """
    header = read_header(path, ("SOPClassUID", "FrameOfReferenceUID"))
    if header is None:
        raise ReadError("label map: is not DICOM any more; plan again")
    if text_of(header, "SOPClassUID") in STRUCTURES:
        return read_structures(path, image, names, tolerance, space, optional)
    own = text_of(header, "FrameOfReferenceUID")
    if own and space and own != space:
        raise GeometryError("label map: drawn in another space than the image's")
    return read_segmentation(path, image, names, tolerance, others)
