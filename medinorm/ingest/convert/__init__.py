"""Candidates become de-identified canonical volumes."""
