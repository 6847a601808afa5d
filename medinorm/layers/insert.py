"""Put style perturbations behind the early norms of a network."""

from typing import Any

from torch import nn

from medinorm.layers.convert import is_norm
from medinorm.layers.registry import PERTURBATIONS


def insert_perturbation(
    network: nn.Module, name: str, *, after: int = 2, **options: Any
) -> nn.Module:
    """Perturb styles behind the first norms of a network, in training.

    The network should have batch norm: behind instance norm all samples have the same
    statistics, and nothing changes. The network keeps its parameters; their names get
    one level more.

    Args:
        network: e.g. a MONAI network; changed in place.
        name: a key of `PERTURBATIONS`.
        after: behind how many norms, in the order in which the network lists them.
        options: arguments of the perturbation. With a `seed` each one gets its own.

    Returns:
        The network.

    Raises:
        ValueError: there is no such perturbation, or the network has too few norms.

    Examples:
        >>> network = nn.Sequential(nn.Conv3d(1, 4, 3), nn.BatchNorm3d(4))
        >>> type(insert_perturbation(network, "mixstyle", after=1)[1][1]).__name__
        'MixStyle'
    """
    if name not in PERTURBATIONS:
        known = ", ".join(sorted(PERTURBATIONS))
        raise ValueError(f"perturbation must be one of {known}; not {name}")
    norms = [path for path, module in network.named_modules() if is_norm(module)]
    norms = [path for path in norms if path]  # a norm alone has no place to insert
    if after < 1 or len(norms) < after:
        raise ValueError(f"cannot insert after {after} of {len(norms)} norms")
    seed = options.pop("seed", None)
    for index, path in enumerate(norms[:after]):
        own = None if seed is None else seed + index
        parent, _, child = path.rpartition(".")
        place = network.get_submodule(parent)
        norm = network.get_submodule(path)
        both = nn.Sequential(norm, PERTURBATIONS[name](seed=own, **options))
        setattr(place, child, both)
    return network
