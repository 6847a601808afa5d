"""Classes of objects, held against pydicom's dictionary of the standard."""

import pytest
from pydicom.uid import UID

from medinorm.ingest.dicom.object_classes import (
    ANNOTATIONS,
    ENHANCED_IMAGES,
    IMAGES,
    SEGMENTATIONS,
    STRUCTURES,
)


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        (IMAGES, ("CT Image", "MR Image", "PET Image", "Positron Emission")),
        (ENHANCED_IMAGES, ("Enhanced",)),
        (SEGMENTATIONS, ("Segmentation Storage",)),
        (STRUCTURES, ("RT Structure Set",)),
    ],
)
def test_classes_are_what_the_standard_calls_them(classes, words):
    # The newest class, label map segmentation, is not in each version of pydicom.
    names = [UID(uid).name for uid in classes if UID(uid).name != uid]
    assert names
    for name in names:
        assert any(word in name for word in words), name


def test_images_and_annotations_have_nothing_in_common():
    assert ENHANCED_IMAGES < IMAGES
    assert not IMAGES & ANNOTATIONS
    assert ANNOTATIONS == SEGMENTATIONS | STRUCTURES
