"""Adaptation to unlabelled scans of a new scanner."""
