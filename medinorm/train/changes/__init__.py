"""What augmentation changes in a patch: its intensities, its place and size."""
