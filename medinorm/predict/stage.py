"""The predict stage: trained networks segment the test scans of their split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from medinorm.choices import AdaptName
from medinorm.config import PredictConfig
from medinorm.damage import require_failed, require_intact
from medinorm.errors import RunError
from medinorm.files.atomic import read_json
from medinorm.files.nifti import Volume, read_grid, read_volume, write_volume
from medinorm.files.records import read_records
from medinorm.files.sidecars import (
    Provenance,
    discard_others,
    discarding,
    is_current,
    recorded_checksum,
    sidecar_path,
    write_sidecar,
)
from medinorm.harmonize.spatial import resample_onto
from medinorm.jobs.declare import stage
from medinorm.jobs.memory import keep_freed_memory
from medinorm.jobs.shards import Done, Failed, run_items
from medinorm.layout import harmonized_paths, run_folder
from medinorm.predict.adaptations import ADAPTATIONS
from medinorm.predict.mechanism.describe import PassingScans, pass_patch
from medinorm.predict.mechanism.features import PassedFeatures
from medinorm.records.calibration import confidence_path
from medinorm.records.scans import Scan, SplitRow, read_scans
from medinorm.records.status import PredictionStatus, RunStatus, ScanStatus
from medinorm.train.conditions import central_patch, scan_conditions
from medinorm.train.dataset import pad_to
from medinorm.train.inference import infer_probabilities
from medinorm.train.model import ModelCard, model_path, read_model


@dataclass(frozen=True)
class Prediction:
    """One scan to segment with one network.

    Args:
        scan: the scan.
        image: its harmonized image.
        run: folder of the network.
        seed: of its training.
        target: label map to write.
        domain: of the scan.
        unlabelled: harmonized images of the same domain's test scans: for adaptation,
            and as references of conditional norms.
    """

    scan: Scan
    image: Path
    run: Path
    seed: int
    target: Path
    domain: str
    unlabelled: tuple[Path, ...]


@dataclass(frozen=True)
class SeedScan:
    """A scan to segment, and the seed of the network to do it with."""

    scan: str
    seed: int
    domain: str


@stage("predict", after="train")
def predict_scans(  # noqa: PLR0913, PLR0917  (one argument a flag)
    scans: Path,
    canonical: Path,
    splits: Path,
    harmonized: Path,
    runs: Path,
    predictions: Path,
    status: Path,
    *,
    adapt: AdaptName = "none",
    split: str,
    seeds: Sequence[int],
    settings: PredictConfig,
) -> list[tuple[SeedScan, Done[str] | Failed]]:
    """Segment the test scans of one split with the network of each seed.

    Label maps are written on the grid of the canonical scan, where they are scored, so
    that studies with different spacing can be compared. Current label maps are kept.
    Beside the status table lies what the norms do inside of the networks:
    `drift-<job>.tsv` and `probe-<job>.tsv`, without rows if that was not asked for.

    Args:
        scans: `scans.tsv`.
        canonical: folder to which its paths are relative.
        splits: `splits.tsv`.
        harmonized: folder of harmonized scans.
        runs: folder of trained networks, one folder a seed.
        predictions: folder to write to, one folder a seed.
        status: table to write, one row for each seed and scan.
        adapt: test-time adaptation, once for each domain and seed.
        split: name of the split whose test scans and networks are used.
        seeds: seeds of the networks.
        settings: how networks are applied, tile by tile.

    Returns:
        The items and how each ended: made, current, or the reason why not.

    Raises:
        StageError: a scan failed unexpectedly.
    """
    table = read_scans(scans, canonical)
    rows = [row for row in read_records(splits, SplitRow) if row.split == split]
    tests = sorted(
        (row.domain, row.scan) for row in rows if row.role in {"test", "unlabelled"}
    )
    segmented = {row.scan for row in rows if row.segmented}
    items = [
        SeedScan(scan, seed, domain)
        for seed in seeds
        for domain, scan in tests
        if scan in segmented
    ]
    for seed in seeds:
        folder = run_folder(predictions, seed)
        for kept in (folder, folder / "confidence"):
            discard_others(kept, {scan for _, scan in tests})
    torch.set_num_threads(1)
    keep_freed_memory()
    adapted = lru_cache(maxsize=1)(_read_adapted)  # items come sorted by network
    passing = PassingScans.of(rows, split, adapt, few=settings.mechanism)

    study = _Study(table, tests, harmonized, runs, predictions)

    def work(item: SeedScan) -> Done[str]:
        prediction = study.find(item)
        sureness = confidence_path(prediction.target)
        with discarding(prediction.target, sureness):
            provenance = _provenance(prediction, adapt, settings)
            outputs = [prediction.target, *([sureness] if settings.calibration else [])]
            if all(is_current(output, provenance) for output in outputs):
                return Done("current", recorded_checksum(prediction.target))
            network, card = adapted(prediction.run, adapt, prediction.unlabelled)
            label_map, confidence = segment(network, card, prediction, settings)
            if item.scan in passing.few:
                passing.add(item.seed, item.scan, _pass(network, card, prediction))
            _keep_confidence(confidence if settings.calibration else None, sureness)
            if settings.calibration:
                write_sidecar(sureness, provenance)
            write_volume(label_map, prediction.target)
            return Done("made", write_sidecar(prediction.target, provenance))

    ended = run_items(
        items,
        work,
        status,
        title=f"predict {split} {adapt}",
        record=PredictionStatus,
        forgiving=False,
    )
    current = [item for item, end in ended if isinstance(end, Done)]
    for item in (item for item in current if passing.lacks(item.seed, item.scan)):
        prediction = study.find(item)
        network = adapted(prediction.run, adapt, prediction.unlabelled)
        passing.add(item.seed, item.scan, _pass(*network, prediction))
    passing.write(status)
    return ended


@dataclass(frozen=True)
class _Study:
    """Where the files of one job are.

    Args:
        table: the scans by id.
        tests: domain and id of the scans that test or have no label map.
        harmonized: folder of harmonized scans.
        runs: folder of trained networks.
        predictions: folder to write to.
    """

    table: Mapping[str, Scan]
    tests: Sequence[tuple[str, str]]
    harmonized: Path
    runs: Path
    predictions: Path

    def find(self, item: SeedScan) -> Prediction:
        """The files of one scan and network."""
        return Prediction(
            scan=self.table[item.scan],
            image=harmonized_paths(self.harmonized, item.scan)[0],
            run=run_folder(self.runs, item.seed),
            seed=item.seed,
            target=run_folder(self.predictions, item.seed) / f"{item.scan}.nii.gz",
            domain=item.domain,
            unlabelled=tuple(
                harmonized_paths(self.harmonized, scan)[0]
                for domain, scan in self.tests
                if domain == item.domain
            ),
        )


def _keep_confidence(confidence: Volume | None, path: Path) -> None:
    """Write how sure a network was, or delete what was kept before."""
    if confidence is not None:
        write_volume(confidence, path)
        return
    for old in (path, sidecar_path(path)):
        old.unlink(missing_ok=True)


def _pass(
    network: nn.Module, card: ModelCard, prediction: Prediction
) -> tuple[ModelCard, PassedFeatures]:
    """What passes through a network with one patch of a scan."""
    image = read_volume(prediction.image, mmap=True).array
    domain = card.domain_index(prediction.domain)
    references = _read_references(prediction, card)
    passed = pass_patch(network, card, image, domain=domain, references=references)
    return card, passed


def segment(
    network: nn.Module,
    card: ModelCard,
    prediction: Prediction,
    settings: PredictConfig,
) -> tuple[Volume, Volume]:
    """The label map of one scan on its canonical grid, and how sure of it it is.

    Probabilities, not labels, are brought back to the canonical grid, one class after
    the other: all at once may not fit into memory.

    Returns:
        The label map, and the probability of its label in each voxel: 255 is 1.

    Raises:
        ScanError: a file of the scan is missing or damaged.
    """
    volume = read_volume(prediction.image)
    probabilities = infer(network, volume.array, card, prediction, settings)
    grid = read_grid(prediction.scan.image)
    labels = np.zeros((1, *grid.grid), dtype=np.uint8)
    largest = np.full(labels.shape, -np.inf, dtype=np.float32)
    for value, share in zip((0, *card.label_values), probabilities, strict=True):
        there = resample_onto(volume.with_array(share[np.newaxis]), grid).array
        labels[there > largest] = value
        np.maximum(largest, there, out=largest)
    return grid.with_array(labels), grid.with_array(_as_bytes(largest))


def _as_bytes(shares: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Shares, 0 to 1, as bytes."""
    return np.rint(255 * np.clip(shares, 0, 1)).astype(np.uint8)


def infer(
    network: nn.Module,
    image: NDArray[np.float32],
    card: ModelCard,
    prediction: Prediction,
    settings: PredictConfig,
) -> NDArray[np.float32]:
    """Class probabilities of a whole image, tile by tile.

    Args:
        network: in evaluation mode.
        image: shape ``(C, X, Y, Z)``.
        card: of the network.
        prediction: the domain of the scan, and what else is known of it.
        settings: overlap of tiles, and how many pass at once.

    Returns:
        Shape ``(classes, X, Y, Z)``.
    """
    device = next(network.parameters()).device
    padded = np.array(pad_to(image, card.patch))
    conditions = scan_conditions(
        padded,
        card.needs,
        domain=card.domain_index(prediction.domain),
        references=_read_references(prediction, card),
        regions=card.regions,
    )
    with torch.inference_mode():
        probabilities = infer_probabilities(
            network,
            torch.from_numpy(padded)[None].to(device),
            {word: value.to(device) for word, value in conditions.items()},
            card.patch,
            settings,
            card.mirror_axes,
        )
    window = tuple(
        slice((large - small) // 2, (large - small) // 2 + small)
        for large, small in zip(padded.shape[1:], image.shape[1:], strict=True)
    )
    return np.asarray(probabilities[0].cpu().numpy()[(slice(None), *window)])


def _read_references(prediction: Prediction, card: ModelCard) -> NDArray[np.float32]:
    """Central patches of K unlabelled scans of the same domain, ``(K, C, X, Y, Z)``.

    An empty array, if the network uses none.
    """
    if "style" not in card.needs:
        return np.empty((0, len(card.channels), *card.patch), dtype=np.float32)
    known = [path for path in prediction.unlabelled if path.exists()][: card.shots]
    images = (pad_to(read_volume(path, mmap=True).array, card.patch) for path in known)
    return np.stack([central_patch(image, card.patch) for image in images])


def _read_adapted(
    run: Path, adapt: AdaptName, unlabelled: tuple[Path, ...]
) -> tuple[nn.Module, ModelCard]:
    """The network of a run, adapted to one domain."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network, card = read_model(run, device)
    known = (path for path in unlabelled if path.exists())
    images = (read_volume(path, mmap=True).array for path in known)
    return ADAPTATIONS[adapt].adapt(network, images, card), card


def _provenance(
    prediction: Prediction, adapt: AdaptName, settings: PredictConfig
) -> Provenance:
    """What a prediction depends on.

    Raises:
        DamagedError: the network or a scan is damaged or lost since it was made.
        RunError: the network or the harmonized scan could not be made.
    """
    scan = prediction.scan.scan
    weights, image = model_path(prediction.run), prediction.image
    if not (weights.exists() and sidecar_path(weights).exists()):
        require_failed(weights, RunStatus, seed=prediction.seed)
        raise RunError("there is no trained network; its training failed")
    if not image.exists():
        require_failed(image, ScanStatus, scan=scan)
        raise RunError("the scan could not be harmonized")
    inputs = {
        "model": recorded_checksum(require_intact(weights)),
        "image": recorded_checksum(require_intact(image)),
        "grid": recorded_checksum(require_intact(prediction.scan.image)),
    }
    needs = ModelCard.from_json(read_json(sidecar_path(weights))["card"]).needs
    if "domain" in needs:
        inputs["domain"] = prediction.domain
    if ADAPTATIONS[adapt].learns or "style" in needs:
        images = [path for path in prediction.unlabelled if path.exists()]
        checked = map(require_intact, images)
        inputs["unlabelled"] = " ".join(map(recorded_checksum, checked))
    # What is measured besides changes no prediction.
    used = settings.model_dump(mode="json", exclude={"mechanism"})
    return Provenance({"adapt": adapt, **used}, inputs)
