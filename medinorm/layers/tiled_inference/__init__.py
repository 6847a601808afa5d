"""Volumes larger than memory, tile by tile."""
