"""The intensity methods, one file each."""
