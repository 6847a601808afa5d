"""Sections that show more than means over domains."""
