"""Normalization layers for 3D networks (torch; no MONAI needed)."""

from medinorm.layers.batch import BatchNorm3d
from medinorm.layers.group import GroupNorm3d
from medinorm.layers.identity import NoNorm
from medinorm.layers.instance import InstanceNorm3d
from medinorm.layers.layer import LayerNorm3d
from medinorm.layers.moments import Moments, moments
from medinorm.layers.normalize import normalize
from medinorm.layers.registry import NORMS, monai_norm, register_norms

__all__ = [
    "NORMS",
    "BatchNorm3d",
    "GroupNorm3d",
    "InstanceNorm3d",
    "LayerNorm3d",
    "Moments",
    "NoNorm",
    "moments",
    "monai_norm",
    "normalize",
    "register_norms",
]
