"""Settings of what DICOM and a PACS give."""
