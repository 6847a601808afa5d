"""A scan segmented by the networks of all seeds: the mean of their probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import nn

from medinorm.bundle.contents import BundleContents
from medinorm.expected.judge import SeenScan
from medinorm.expected.likeness.deepest import DeepestFeatures
from medinorm.expected.likeness.profile import profile_image
from medinorm.expected.likeness.texture import measure_texture
from medinorm.expected.watch import ScanWatch
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
        unlabelled: harmonized scans of the scanner, references of norms that need such;
            without them each scan is its own.
    """

    contents: BundleContents
    networks: Sequence[nn.Module]
    work: Path
    unlabelled: tuple[Path, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of their weights, in the order of `read_networks`; then numbers."""
        return [*sorted(self.contents.weights), *map(str, range(len(self.networks)))]

    def look(self, scan: Scan, domain: str) -> tuple[Volume, SeenScan]:
        """The label map of a scan, on its own grid, and what was seen on the way.

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
        self._clear(scan)  # what a killed call left may be of another bundle
        try:
            harmonize_scan(scan, job)
            volume = read_volume(image)
            others = self.unlabelled or (image,)
            item = Prediction(scan, image, image, 0, image, domain, others)
            card, settings = contents.card, contents.predict
            total = np.zeros((), np.float32)
            watch = ScanWatch(card.label_values)
            for name, network in zip(self.names, self.networks, strict=False):
                with DeepestFeatures(network) as deepest:
                    shares = infer(network, volume.array, card, item, settings)
                watch.add(name, shares, deepest.take())
                total = total + shares
            profile = profile_image(volume.array, volume.spacing)
            texture = measure_texture(volume.array)
        finally:
            self._clear(scan)
        mean = total / np.float32(len(self.networks))
        grid = read_grid(scan.image)
        labels = np.zeros((1, *grid.grid), dtype=np.uint8)
        largest = np.full(labels.shape, -np.inf, dtype=np.float32)
        for value, share in zip((0, *card.label_values), mean, strict=True):
            there = resample_onto(volume.with_array(share[np.newaxis]), grid).array
            labels[there > largest] = value
            np.maximum(largest, there, out=largest)
        label_map = grid.with_array(labels)
        return label_map, watch.finish(profile, texture, label_map)

    def _clear(self, scan: Scan) -> None:
        """Delete what there is of a scan in the folder of harmonized scans."""
        for path in self.work.glob(f"{scan.scan}.*"):
            path.unlink()
