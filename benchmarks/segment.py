"""What `medinorm segment` takes for a scan besides the network itself.

    python benchmarks/segment.py [--json] [--scans 100] [--side 24]

Small scans (NIfTI files of noise around a ball) are segmented with a bundle of one tiny
network that has learned nothing: what counts is what happens around it. Times are those
of the processor (all threads of the process), in ms a scan: reading, checking and
de-identifying them (ingest), bringing them to the grid (harmonize), the network, the
label map with its volumes, and the page with its previews. `again` is a second call,
which finds all label maps current. What loading takes (imports, the bundle) stands
beside it, once.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from safetensors.torch import save_model

from medinorm.bundle.contents import (
    INFERENCE,
    METADATA,
    MODELS,
    BundleContents,
)
from medinorm.bundle.monai_files import describe_bundle, write_inference
from medinorm.config import HarmonizeConfig, IngestConfig, NetworkConfig, PredictConfig
from medinorm.files.atomic import checksum, write_json
from medinorm.segment import ensemble, stage
from medinorm.train.model import ModelCard
from medinorm.variant import Variant

_PARTS = {
    "ingest": (stage, "ingest_scans"),
    "harmonize": (ensemble, "harmonize_scan"),
    "network": (ensemble, "infer"),
    "page": (stage, "write_segmentation_page"),
}


def write_scans(folder: Path, number: int, side: int) -> None:
    """Write scans of which no two are alike."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    radius = np.linalg.norm(np.indices((side,) * 3) - side / 2, axis=0)
    ball = 200.0 * (radius < side / 3)
    for scan in range(number):
        array = ball + rng.normal(100, 5, ball.shape)
        image = nib.Nifti1Image(array.astype(np.int16), np.eye(4))
        image.to_filename(folder / f"p{scan:05d}.nii.gz")


def write_bundle(folder: Path) -> Path:
    """Write a bundle of a network with fresh weights."""
    card = ModelCard(
        intensity="zscore",
        norm="instance",
        norm_options={},
        augmentation="none",
        network=NetworkConfig(channels=(4, 8)),
        channels=("image",),
        label_values=(1, 2),
        patch=(16, 16, 16),
        domains=("a", "b"),
        shots=1,
    )
    (folder / MODELS).mkdir(parents=True)
    weights = folder / MODELS / "seed-0.safetensors"
    save_model(card.build(), weights)
    contents = BundleContents(
        card=card,
        harmonize=HarmonizeConfig(spacing=(1.0, 1.0, 1.0)),
        predict=PredictConfig(),
        labels={1: "shell", 2: "core"},
        weights={weights.name: checksum(weights)},
        domain=("scanner",),
    )
    variant = Variant("zscore", "instance", "none", "none")
    (folder / METADATA).parent.mkdir()
    write_json(folder / INFERENCE, write_inference(contents))
    write_json(folder / METADATA, describe_bundle(contents, variant, {}, "CC0"))
    return folder


def measure(scans: int, side: int) -> dict[str, float]:
    """Time of the processor, in ms a scan, by part."""
    spent: Counter[str] = Counter()

    def timed(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent[part] += time.process_time() - start

        return call

    for part, (module, name) in _PARTS.items():
        setattr(module, name, timed(part, getattr(module, name)))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_scans(folder / "scans", scans, side)
        bundle = write_bundle(folder / "bundle")
        totals = []
        for _ in range(2):
            start = time.process_time()
            stage.segment_scans(
                bundle,
                folder / "out",
                images=[folder / "scans"],
                private=folder / "private",
                ingest=IngestConfig(),
            )
            totals.append(time.process_time() - start)
            if len(totals) == 1:
                first = dict(spent)
    rest = totals[0] - sum(first.values())
    parts = {**first, "label map": rest}
    result = {part: 1000 * seconds / scans for part, seconds in parts.items()}
    result["beside the network"] = 1000 * (totals[0] - first["network"]) / scans
    result["again"] = 1000 * totals[1] / scans
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--scans", type=int, default=100)
    parser.add_argument("--side", type=int, default=24)
    options = parser.parse_args()
    loading = time.process_time()
    result = measure(options.scans, options.side)
    if options.json:
        print(json.dumps({"scans": options.scans, "ms": result, "loading": loading}))
        return
    print(f"{options.scans} scans of {options.side}^3 voxels; loading {loading:.1f} s")
    for part, value in result.items():
        print(f"{part:>20} {value:8.1f} ms a scan")


if __name__ == "__main__":
    main()
