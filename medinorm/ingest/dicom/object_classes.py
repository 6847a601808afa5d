"""The classes of DICOM objects that ingest reads, by their UID.

References:
    DICOM PS3.6, annex A: registry of unique identifiers.
"""

# Images of which one file holds many slices.
ENHANCED_IMAGES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.2.1",  # enhanced CT
        "1.2.840.10008.5.1.4.1.1.2.2",  # legacy converted enhanced CT
        "1.2.840.10008.5.1.4.1.1.4.1",  # enhanced MR
        "1.2.840.10008.5.1.4.1.1.4.4",  # legacy converted enhanced MR
        "1.2.840.10008.5.1.4.1.1.128.1",  # legacy converted enhanced PET
        "1.2.840.10008.5.1.4.1.1.130",  # enhanced PET
    }
)
IMAGES = ENHANCED_IMAGES | {
    "1.2.840.10008.5.1.4.1.1.2",  # CT
    "1.2.840.10008.5.1.4.1.1.4",  # MR
    "1.2.840.10008.5.1.4.1.1.128",  # PET
}
# Annotations of a series: areas that a person or a program marked on its slices.
SEGMENTATIONS = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.66.4",  # bits for each segment
        "1.2.840.10008.5.1.4.1.1.66.7",  # one label map
    }
)
STRUCTURES = frozenset({"1.2.840.10008.5.1.4.1.1.481.3"})  # contours: RTSTRUCT
ANNOTATIONS = SEGMENTATIONS | STRUCTURES
