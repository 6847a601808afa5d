"""A scan segmented by the networks of all seeds: the mean of their probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import nn

from medinorm.bundle.contents import BundleContents
from medinorm.files.nifti import Volume, read_grid, read_volume
from medinorm.harmonize.spatial import resample_onto
from medinorm.harmonize.stage import Harmonizing, harmonize_scan
from medinorm.predict.stage import Prediction, infer
from medinorm.records.scans import Scan


@dataclass(frozen=True)
class Ensemble:
    """The networks of a bundle and what they need.

    Args:
        contents: of the bundle.
        networks: one for each seed, in evaluation mode.
        work: folder of harmonized scans.
    """

    contents: BundleContents
    networks: Sequence[nn.Module]
    work: Path

    def segment(self, scan: Scan, domain: str) -> Volume:
        """The label map of a scan, on its own grid.

        Probabilities are averaged over the networks and brought back to the grid, one
        class after the other. Those of one network are what `medinorm predict` gets.

        Args:
            scan: a canonical scan; its label map, if it has one, is not read.
            domain: its domain; one that was not trained on is as good as none.

        Raises:
            ScanError: the scan cannot be read or its intensities are unusable.
        """
        contents, scan = self.contents, replace(scan, label=None)
        job = Harmonizing(
            self.work, contents.intensity, contents.harmonize, contents.fitted
        )
        image, _ = job.paths(scan)
        try:
            harmonize_scan(scan, job)
            volume = read_volume(image)
            item = Prediction(scan, image, image, 0, image, domain, (image,))
            card, settings = contents.card, contents.predict
            total = np.zeros((), np.float32)
            for network in self.networks:
                total = total + infer(network, volume.array, card, item, settings)
        finally:
            for path in self.work.glob(f"{scan.scan}.*"):
                path.unlink()
        mean = total / np.float32(len(self.networks))
        grid = read_grid(scan.image)
        labels = np.zeros((1, *grid.grid), dtype=np.uint8)
        largest = np.full(labels.shape, -np.inf, dtype=np.float32)
        for value, share in zip((0, *card.label_values), mean, strict=True):
            there = resample_onto(volume.with_array(share[np.newaxis]), grid).array
            labels[there > largest] = value
            np.maximum(largest, there, out=largest)
        return grid.with_array(labels)
