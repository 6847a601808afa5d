"""The normalization layers, one file each."""
