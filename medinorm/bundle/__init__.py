"""The chosen variant as a MONAI Bundle that stands alone."""
