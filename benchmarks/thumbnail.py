"""Distance of tiled from whole-volume inference, for each source of statistics.

    python benchmarks/thumbnail.py [--steps 200] [--scans 8] [--json FILE]

A small U-Net with `thumbnail_instance` norm is trained on real hippocampus scans
(``MEDINORM_REAL_DATA``), then infers others in tiles: with the statistics of each tile
(ordinary instance norm), and with those of the whole volume from `tiles`, `strided` and
`exact`. A large scan (a GE series, every second voxel), of which the tiles are a small
part, goes through the same network. Given are the RMS difference of the logits from
whole-volume inference, as a part of their spread, the share of voxels whose label
differs, and seconds a scan.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from monai.inferers import SlidingWindowInferer
from monai.networks.nets import UNet
from torch import Tensor, nn

from medinorm.files.nifti import read_volume
from medinorm.ingest.dicom.frames import read_frames
from medinorm.ingest.dicom.volume import read_series_part
from medinorm.layers import ThumbnailSlidingWindowInferer, register_norms

WINDOW = (24, 24, 24)
STRIDE = 4  # of the network: volumes are padded to a multiple of it
TRAINED = 40
OVERLAP = {"overlap": 0.5, "mode": "gaussian"}
Scan = tuple[Tensor, Tensor]


def read_scans(folder: Path, count: int) -> list[Scan]:
    """Read scans and label maps, z-scored, every one from the float32 exports."""
    table = pd.read_csv(folder / "scans.tsv", sep="\t")
    table = table[table["export"] == "float32"].head(count)
    return [_read(folder, row.image, row.label) for row in table.itertuples()]


def _read(folder: Path, image: str, label: str) -> Scan:
    """One scan and its label map, padded to what the network takes."""
    values, labels = (
        torch.from_numpy(
            np.squeeze(np.asarray(read_volume(folder / name).array, np.float32))
        )[None]
        for name in (image, label)
    )
    values = (values - values.mean()) / values.std()
    sides = [
        side for size in reversed(values.shape[1:]) for side in (0, -size % STRIDE)
    ]
    return F.pad(values, sides), F.pad(labels, sides).long()


def read_large(folder: Path, thin: int) -> Tensor:
    """Every n-th voxel of a whole series, z-scored."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    frames = [frame for path in paths for frame in read_frames(path)]
    series = read_series_part(frames).volume
    values = torch.from_numpy(
        series.array[:, ::thin, ::thin, ::thin].astype(np.float32)
    )
    sides = tuple(slice(size // STRIDE * STRIDE) for size in values.shape[1:])
    values = values[:, *sides]
    return (values - values.mean()) / values.std()


def train(scans: Sequence[Scan], steps: int) -> nn.Module:
    """Train a network on random windows."""
    register_norms()
    network: nn.Module = UNet(
        3, 1, 3, (16, 32, 64), (2, 2), num_res_units=1, norm="thumbnail_instance"
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for images, labels in _windows(scans, steps):
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval()


def _windows(scans: Sequence[Scan], steps: int) -> Iterator[Scan]:
    """Batches of two random windows."""
    random = np.random.default_rng(0)
    for _ in range(steps):
        pairs = []
        for index in random.integers(len(scans), size=2):
            image, label = scans[index]
            starts = [
                int(random.integers(size - part + 1))
                for size, part in zip(image.shape[1:], WINDOW, strict=True)
            ]
            window = tuple(
                slice(s, s + part) for s, part in zip(starts, WINDOW, strict=True)
            )
            pairs.append((image[:, *window], label[0, *window]))
        images, labels = zip(*pairs, strict=True)
        yield torch.stack(images), torch.stack(labels)


@torch.no_grad()
def compare(network: nn.Module, images: Sequence[Tensor]) -> list[dict[str, Any]]:
    """Compare every kind of tiled inference with that of the whole volume."""
    inferers = {
        "each tile": SlidingWindowInferer(WINDOW, **OVERLAP),
        "tiles": ThumbnailSlidingWindowInferer(WINDOW),
        "tiles, 6 of them": ThumbnailSlidingWindowInferer(WINDOW, count=6),
        "tiles, blended": ThumbnailSlidingWindowInferer(
            WINDOW, surroundings=False, **OVERLAP
        ),
        "strided": ThumbnailSlidingWindowInferer(WINDOW, statistics="strided"),
        "exact": ThumbnailSlidingWindowInferer(WINDOW, statistics="exact"),
    }
    rows = []
    for name, inferer in inferers.items():
        distances, changed, seconds = [], [], []
        for image in images:
            whole = network(image[None])
            start = perf_counter()
            tiled = inferer(image[None], network)
            seconds.append(perf_counter() - start)
            difference = (tiled - whole).square().mean().sqrt() / whole.std()
            distances.append(float(difference))
            changed.append(float((tiled.argmax(1) != whole.argmax(1)).float().mean()))
        rows.append(
            {
                "statistics": name,
                "difference": mean(distances),
                "labels_changed": mean(changed),
                "seconds": mean(seconds),
            }
        )
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, compare, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--scans", type=int, default=8)
    parser.add_argument(
        "--thin", type=int, default=2, help="take every n-th voxel of the large scan"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="also write the results here")
    given = parser.parse_args(arguments)
    data = Path(os.environ.get("MEDINORM_REAL_DATA", "../shared/data"))
    if not (data / "hippocampus").is_dir():
        sys.stderr.write("no real data: set MEDINORM_REAL_DATA to its folder\n")
        return 1
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    scans = read_scans(data / "hippocampus", TRAINED + given.scans)
    network = train(scans[:TRAINED], given.steps)
    crops = [image for image, _ in scans[TRAINED:]]
    results = {
        "hippocampus": compare(network, crops),
        "large": compare(
            network, [read_large(data / "dicom" / "ge_t1" / "In", given.thin)]
        ),
    }
    for name, rows in results.items():
        print(name)
        worst = rows[0]["difference"]
        for row in rows:
            closer = worst / row["difference"] if row["difference"] else float("inf")
            print(
                f"  {row['statistics']:<18} difference {row['difference']:.2e} "
                f"({closer:9.1f} times closer)  labels {row['labels_changed']:.2%}  "
                f"{row['seconds']:.2f} s"
            )
    if given.json:
        given.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
