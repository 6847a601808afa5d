"""Statistics and normalization as Triton kernels for CUDA, loaded on first use.

Layers use them after `enable()` only. `available` says whether they can take a tensor.
`measure`, `apply_affine`, `reduce_gradient` and `combine` do on a GPU what the
functions of the same names in `medinorm.layers.statistics.blocks` do on the CPU.
`fused_instance_norm` is a whole layer with its gradients. Importing this package does
not import Triton.
"""

from medinorm.layers.kernels.availability import available, enable, is_enabled
from medinorm.layers.kernels.fused import fused_instance_norm
from medinorm.layers.kernels.launch import (
    apply_affine,
    combine,
    measure,
    reduce_gradient,
)

__all__ = [
    "apply_affine",
    "available",
    "combine",
    "enable",
    "fused_instance_norm",
    "is_enabled",
    "measure",
    "reduce_gradient",
]
