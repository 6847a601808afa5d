"""Arrays and tensors of voxels: blocks, sums, ranks."""
