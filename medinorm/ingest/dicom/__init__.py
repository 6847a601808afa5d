"""DICOM files: read, judged, and placed as volumes."""
