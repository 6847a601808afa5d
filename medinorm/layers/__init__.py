"""Normalization layers for networks of one to three spatial dimensions (torch)."""
