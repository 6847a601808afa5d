"""The norms' loops over ``channels_last`` memory on the CPU, compiled by numba.

torch's own code is wrong for such tensors, and a chain of torch calls reads and writes
memory once a call. Compiled, a norm costs little more than a copy. Numba is an extra
(``pip install medinorm[compiled]``); nothing here is used before `enable()`, and
importing this package does not import it.

`measure`, `apply_affine`, `reduce_gradient` and `combine` do what the functions of the
same names in `medinorm.layers.statistics.blocks` do, for a voxel view ``(N, V, C)``.
"""

from medinorm.layers.compiled.calls import (
    apply_affine,
    combine,
    measure,
    reduce_gradient,
)
from medinorm.layers.compiled.switch import enable, is_enabled, takes

__all__ = [
    "apply_affine",
    "combine",
    "enable",
    "is_enabled",
    "measure",
    "reduce_gradient",
    "takes",
]
