"""A scan, and every transform ready to be tested on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import (
    EnsureChannelFirstd,
    Flipd,
    LoadImaged,
    Orientationd,
    SpatialPadd,
)

from medinorm import transforms
from medinorm.intensity import (
    Policy,
    fit_clusters,
    fit_population,
    measure_foreground,
)
from medinorm.intensity.methods.histogram import measure_histogram
from medinorm.intensity.methods.nyul import fit_nyul, measure_landmarks

AFFINE = torch.diag(torch.tensor([-1.5, 1.0, 2.0, 1.0], dtype=torch.float64))
POLICY = Policy("positive")


def make_scan(seed=0, gain=1.0, channels=2):
    """Air at 0 around two tissues; the second channel is brighter."""
    rng = np.random.default_rng(seed)
    scan = np.zeros((channels, 24, 20, 16), dtype=np.float32)
    inside = scan[:, 4:-4, 4:-4, 3:-3]
    inside[...] = rng.normal(60, 5, inside.shape)
    inside[:, :, :, 5:] += 40
    scales = gain * np.arange(1, channels + 1, dtype=np.float32)
    return scan * scales.reshape(-1, 1, 1, 1)


def as_meta(array):
    return MetaTensor(torch.from_numpy(array.copy()), affine=AFFINE)


TRAINING = [make_scan(seed, gain) for seed, gain in ((1, 1.0), (2, 3.0), (3, 3.2))]
MOMENTS = [measure_foreground(scan, POLICY) for scan in TRAINING]
QUANTILES = [measure_histogram(scan, list(scan > 0)) for scan in TRAINING]
LANDMARKS = [
    measure_landmarks(scan, list(scan > 0), (1.0, 25.0, 50.0, 75.0, 99.0))
    for scan in TRAINING
]


@dataclass(frozen=True)
class Case:
    """How to make a transform, and what it promises.

    Args:
        arguments: of the array transform.
        measures: looks at a foreground that is chosen by name.
        inverts: brings intensities back.
        masked: arguments that need no images, for foregrounds that need masks.
    """

    arguments: Mapping[str, Any] = field(default_factory=dict)
    measures: bool = True
    inverts: bool = True
    masked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settings(self):
        foreground = {"foreground": "positive"} if self.measures else {}
        return {**foreground, **self.arguments}


CASES = {
    "AdaptiveInstanceNormalize": Case(
        {"reference": TRAINING[1]}, masked={"reference": MOMENTS[1]}
    ),
    "ClipIntensity": Case({"low": 10, "high": 90}, measures=False, inverts=False),
    "ClusterNormalize": Case({"fitted": fit_clusters(MOMENTS, 2, POLICY)}),
    "FcmNormalize": Case(),
    "GroupNormalize": Case({"groups": [[0], [1]]}),
    "HistogramMatch": Case(
        {"reference": TRAINING[:2]}, masked={"reference": QUANTILES[:2]}
    ),
    "InstanceNormalize": Case(),
    "KdeNormalize": Case(),
    "LayerNormalize": Case(),
    "NyulNormalize": Case({"fitted": fit_nyul(LANDMARKS)}),
    "PercentileScale": Case(inverts=False),
    "PopulationNormalize": Case({"fitted": fit_population(MOMENTS, POLICY)}),
    "RandAdaptiveInstanceNormalize": Case(
        {"references": TRAINING, "prob": 1.0}, masked={"references": MOMENTS}
    ),
    "RandScannerContrast": Case(
        {"prob": 1.0, "chance": 1.0}, measures=False, inverts=False
    ),
    "RegionNormalize": Case({"count": 3}),
    "ThumbnailNormalize": Case({"size": 8}),
    "WhiteStripeNormalize": Case(),
    "WindowIntensity": Case({"center": 60, "width": 80}, measures=False, inverts=False),
}


def make(name, **more):
    """An array transform, seeded."""
    return seeded(getattr(transforms, name)(**{**CASES[name].settings, **more}))


def make_d(name, keys="image", **more):
    """Its dictionary version, seeded."""
    class_ = getattr(transforms, f"{name}d")
    return seeded(class_(keys, **{**CASES[name].settings, **more}))


def seeded(transform, seed=0):
    if hasattr(transform, "set_random_state"):
        transform.set_random_state(seed=seed)
    return transform


every_transform = pytest.mark.parametrize("name", CASES)
every_inverse = pytest.mark.parametrize("name", [n for n in CASES if CASES[n].inverts])
every_measure = pytest.mark.parametrize("name", [n for n in CASES if CASES[n].measures])
every_random = pytest.mark.parametrize("name", [n for n in CASES if "Rand" in n])


def read():
    """Steps that read a file."""
    return [LoadImaged("image"), EnsureChannelFirstd("image")]


def spatial():
    """Steps that move voxels and keep them all."""
    return [
        Orientationd("image", "RAS", labels=None),
        Flipd("image", 1),
        SpatialPadd("image", (32, 32, 32)),
    ]
