"""Segmentation networks that differ in their normalization layers only."""
