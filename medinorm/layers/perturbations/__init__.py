"""Layers that perturb styles in training, one file each."""
