"""What is measured of a scan while its networks segment it, one after the other."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medinorm.expected.agreement import measure_agreement
from medinorm.expected.judge import SeenScan
from medinorm.expected.likeness.distance import Numbers
from medinorm.files.nifti import Volume


class ScanWatch:
    """Collects what a scan is judged by; the predictions are made anyway.

    Args:
        values: of the labels, in the order of the classes behind the background.
    """

    def __init__(self, values: Sequence[int]) -> None:
        self._values = tuple(values)
        self._maps: list[NDArray[np.uint8]] = []
        self._features: dict[str, Numbers] = {}

    def add(self, name: str, shares: NDArray[np.float32], features: Numbers) -> None:
        """Take the prediction of one network.

        Args:
            name: of its weights.
            shares: class probabilities, shape ``(classes, X, Y, Z)``.
            features: of its deepest layer.
        """
        self._maps.append(shares.argmax(axis=0).astype(np.uint8))
        self._features[name] = features

    def finish(self, profile: Numbers, texture: Numbers, label_map: Volume) -> SeenScan:
        """All that was seen.

        Args:
            profile: of the intensities of the harmonized scan.
            texture: its noise and sharpness.
            label_map: what all networks together predict, on the scan's own grid.
        """
        classes = range(1, len(self._values) + 1)
        voxel = float(np.prod(label_map.spacing)) / 1000
        counts = np.bincount(label_map.array.ravel(), minlength=256)
        return SeenScan(
            profile=profile,
            texture=texture,
            features=self._features,
            agreement=measure_agreement(self._maps, classes),
            volumes={value: int(counts[value]) * voxel for value in self._values},
        )
