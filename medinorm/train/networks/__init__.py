"""The segmentation networks: one file each, found by a registry, built with a norm."""
