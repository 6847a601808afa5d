"""Cluster instance normalization at image level: similar scans share moments."""

from typing import Any

from medinorm.intensity import (
    ClusterMap,
    LinearMap,
    Policy,
    measure_foreground,
    standardize,
)
from medinorm.transforms.fitted import FittedTransform
from medinorm.transforms.masked import following
from medinorm.transforms.on_keys import InvertibleOnKeys


class ClusterNormalize(FittedTransform):
    """The z-score by the moments of the cluster next to a scan, blended with its own.

    Where a constant channel is allowed (``constant="zeros"``) and a scan has one, its
    own moments are taken alone.

    Args:
        fitted: of `medinorm.intensity.fit_clusters`; see `FittedTransform`.
        settings: see `FittedTransform`.

    Examples:
        >>> import torch
        >>> from medinorm.intensity import Policy, fit_clusters, measure_foreground
        >>> policy = Policy("image")
        >>> training = [torch.tensor([[0.0, 2.0]]), torch.tensor([[100.0, 300.0]])]
        >>> moments = [measure_foreground(scan, policy) for scan in training]
        >>> clusters = fit_clusters(moments, 2, policy, blend=1.0)
        >>> ClusterNormalize(clusters, foreground="image")(torch.tensor([[1.0, 4.0]]))
        metatensor([[0., 3.]])
    """

    kinds = (ClusterMap,)

    def fit(self, voxels: Any, policy: Policy, given: Any) -> LinearMap:
        """The map of a scan, from its own moments and its cluster's."""
        own = measure_foreground(voxels, policy, given)
        constant = not all(own.m2)
        map_ = standardize(own) if constant else self.map.for_scan(own)
        fitted: LinearMap = following(map_, policy)
        return fitted


class ClusterNormalized(InvertibleOnKeys):
    """`ClusterNormalize` for items of a dictionary."""

    array_transform = ClusterNormalize
