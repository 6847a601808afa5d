"""Cluster instance normalization at image level: similar scans share moments."""

from medinorm.intensity import (
    ClusterMap,
    LinearMap,
    Policy,
    measure_foreground,
    standardize,
)
from medinorm.intensity.voxels.kinds import Voxels
from medinorm.transforms.fitted import FittedTransform
from medinorm.transforms.masked import follow_policy
from medinorm.transforms.on_keys import InvertibleOnKeys


class ClusterNormalize(FittedTransform):
    """The z-score by the moments of the nearest cluster, blended with a scan's own.

    If a constant channel is allowed (``constant="zeros"``) and a scan has one, only the
    scan's own moments are used.

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

    def fit(self, voxels: Voxels, policy: Policy, mask: Voxels | None) -> LinearMap:
        """The map of a scan, from its own moments and its cluster's."""
        own = measure_foreground(voxels, policy, mask)
        constant = not all(own.m2)
        by_cluster: LinearMap = standardize(own) if constant else self.map.for_scan(own)
        return follow_policy(by_cluster, policy)


class ClusterNormalized(InvertibleOnKeys):
    """`ClusterNormalize` for items of a dictionary."""

    array_transform = ClusterNormalize
