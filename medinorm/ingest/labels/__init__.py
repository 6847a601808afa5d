"""Label maps that are DICOM objects, and names of labels."""
