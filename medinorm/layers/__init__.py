"""Normalization layers for 3D networks (torch; no MONAI needed).

`ThumbnailSlidingWindowInferer` extends a class of MONAI, so it is imported at its first
use.

Limits:

- Gradients that code of this package computes (CPU, Triton) cannot be differentiated
  again: torch refuses gradient penalties and `torch.func`.
- Under `torch.compile` layers cannot read values, so the mean is always folded into the
  offset, as torch does. The error is ``|mean| / std`` times 1e-7. Otherwise a large
  mean is subtracted first.
- Activation checkpointing runs layers again in the backward pass. Conditions hold for
  one call: checkpoint the whole `ConditionalNetwork`, not blocks inside. Layers with a
  `seed` of their own would draw other numbers: do not give them a seed.
"""

from typing import Any

from medinorm.layers.conditions.network import ConditionalNetwork
from medinorm.layers.conditions.style_encoder import StyleEncoder
from medinorm.layers.convert import convert_norm
from medinorm.layers.insert import insert_perturbation
from medinorm.layers.norms.adaptive_instance import match_moments
from medinorm.layers.registry import (
    NORMS,
    PERTURBATIONS,
    monai_norm,
    register_norms,
)
from medinorm.layers.statistics.moments import Moments, moments
from medinorm.layers.statistics.normalize import normalize
from medinorm.layers.test_time.adabn import adapt_batch_statistics
from medinorm.layers.test_time.tent import Tent

# isort: split
# generated: norm imports (python tools/tasks.py docs)
from medinorm.layers.norms.adaptive_instance import AdaptiveInstanceNorm3d
from medinorm.layers.norms.batch import BatchNorm3d
from medinorm.layers.norms.batch_instance import BatchInstanceNorm3d
from medinorm.layers.norms.cluster_instance import ClusterInstanceNorm3d
from medinorm.layers.norms.domain_specific import DomainSpecificNorm3d
from medinorm.layers.norms.group import GroupNorm3d
from medinorm.layers.norms.ibn import IBN3d
from medinorm.layers.norms.instance import InstanceNorm3d
from medinorm.layers.norms.layer import LayerNorm3d
from medinorm.layers.norms.masked_instance import MaskedInstanceNorm3d
from medinorm.layers.norms.no_norm import NoNorm
from medinorm.layers.norms.self_attentive_instance import SelfAttentiveInstanceNorm3d
from medinorm.layers.norms.spatially_adaptive import SpatiallyAdaptiveNorm3d
from medinorm.layers.norms.switchable import SwitchableNorm3d
from medinorm.layers.norms.thumbnail_instance import ThumbnailInstanceNorm3d
from medinorm.layers.norms.window_instance import WindowInstanceNorm3d
from medinorm.layers.perturbations.dsu import DSU
from medinorm.layers.perturbations.efdmix import EFDMix
from medinorm.layers.perturbations.mixstyle import MixStyle
from medinorm.layers.perturbations.permuted_adain import PermutedAdaIN

# end of norm imports

__all__ = [
    "NORMS",
    "PERTURBATIONS",
    "ConditionalNetwork",
    "Moments",
    "StyleEncoder",
    "Tent",
    "ThumbnailSlidingWindowInferer",
    "adapt_batch_statistics",
    "convert_norm",
    "insert_perturbation",
    "match_moments",
    "moments",
    "monai_norm",
    "normalize",
    "register_norms",
]
# generated: norm exports
__all__ += [
    "DSU",
    "AdaptiveInstanceNorm3d",
    "BatchInstanceNorm3d",
    "BatchNorm3d",
    "ClusterInstanceNorm3d",
    "DomainSpecificNorm3d",
    "EFDMix",
    "GroupNorm3d",
    "IBN3d",
    "InstanceNorm3d",
    "LayerNorm3d",
    "MaskedInstanceNorm3d",
    "MixStyle",
    "NoNorm",
    "PermutedAdaIN",
    "SelfAttentiveInstanceNorm3d",
    "SpatiallyAdaptiveNorm3d",
    "SwitchableNorm3d",
    "ThumbnailInstanceNorm3d",
    "WindowInstanceNorm3d",
]
# end of norm exports


def __getattr__(name: str) -> Any:
    """Import what needs MONAI on first use (PEP 562)."""
    if name == "ThumbnailSlidingWindowInferer":
        # MONAI takes seconds to import.
        from medinorm.layers.tiled_inference.thumbnail_inferer import (  # noqa: PLC0415
            ThumbnailSlidingWindowInferer,
        )

        return ThumbnailSlidingWindowInferer
    raise AttributeError(f"module 'medinorm.layers' has no attribute {name!r}")
