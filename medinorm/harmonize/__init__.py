"""One voxel grid and one intensity scale: fit on a split, apply to scans."""
