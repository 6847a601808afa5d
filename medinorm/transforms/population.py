"""Population normalization: every scan by the statistics of the training scans."""

from medinorm.intensity import LinearMap, Policy
from medinorm.intensity.voxels.kinds import Voxels
from medinorm.transforms.fitted import FittedTransform
from medinorm.transforms.masked import follow_policy
from medinorm.transforms.on_keys import InvertibleOnKeys
from medinorm.transforms.voxels import require_all_finite


class PopulationNormalize(FittedTransform):
    """Map every scan alike, by the mean and standard deviation of the training scans.

    Fit on training scans only; a map that saw test scans makes scores too good.

    Args:
        fitted: see `FittedTransform`.
        settings: see `FittedTransform`.

    Examples:
        >>> import torch
        >>> from medinorm.intensity import Policy, fit_population, measure_foreground
        >>> training = [torch.tensor([[0.0, 2.0]]), torch.tensor([[4.0, 6.0]])]
        >>> policy = Policy("image")
        >>> moments = [measure_foreground(scan, policy) for scan in training]
        >>> normalize = PopulationNormalize(fit_population(moments, policy))
        >>> normalize(torch.tensor([[3.0]]))
        metatensor([[0.]])
    """

    kinds = (LinearMap,)
    measures = False

    def fit(self, voxels: Voxels, policy: Policy, mask: Voxels | None) -> LinearMap:
        """The same map for every scan."""
        del mask
        if policy.nonfinite == "refuse":
            require_all_finite(voxels)
        learned: LinearMap = self.map
        return follow_policy(learned, policy)


class PopulationNormalized(InvertibleOnKeys):
    """`PopulationNormalize` for items of a dictionary."""

    array_transform = PopulationNormalize
