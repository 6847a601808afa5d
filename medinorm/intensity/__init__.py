"""Image-level intensity maps as NumPy kernels: fit on arrays, apply to arrays."""
