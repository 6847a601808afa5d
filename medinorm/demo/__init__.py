"""Simulated scanners on real anatomy, written as DICOM series."""
