"""Scans of few slices, padded to the patch, are segmented as by whole volumes."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from medinorm.config import NetworkConfig, PredictConfig, TrainConfig
from medinorm.train.dataset import (
    IGNORED,
    PatchDataset,
    TrainingScan,
    _centres,
    pad_to,
)
from medinorm.train.inference import infer_logits
from medinorm.train.loss import SegmentationLoss
from medinorm.train.networks.build import build_network
from medinorm.train.optimizers import make_optimizer, make_schedule

SIDE, DEEP, THIN = 32, 40, (8, 12, 16, 24)
PATCH = (SIDE, SIDE, 16)
SETTINGS = TrainConfig(
    recipe="fast",
    patch=PATCH,
    steps=300,
    network=NetworkConfig(channels=(8, 16, 32)),
)


def draw_scan(seed, slices):
    """Bright and dark balls in a body, of which `slices` are seen; the bright count."""
    rng = np.random.default_rng(seed)
    x, y, z = np.mgrid[:SIDE, :SIDE, :DEEP].astype(float)
    image = (((x - 16) / 13) ** 2 + ((y - 16) / 14) ** 2 < 1).astype(float)
    label = np.zeros(image.shape, np.uint8)
    for number in range(14):
        a, b, c = rng.uniform((8, 8, 2), (SIDE - 8, SIDE - 8, DEEP - 2))
        ball = (x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2 < rng.uniform(1.6, 3.6) ** 2
        image[ball], label[ball] = ((1.7, 1), (0.6, 0))[number % 2]
    image = gaussian_filter(image, 0.6) + rng.normal(size=image.shape) * 0.25
    seen = slice(first := rng.integers(DEEP - slices + 1), first + slices)
    image = (image - image[..., seen].mean()) / image[..., seen].std()
    return image[np.newaxis, ..., seen].astype(np.float32), label[..., seen]


def draw_cohort(seed):
    """As many thin scans as deep ones."""
    depths = [DEEP if n % 2 else THIN[n // 2 % 4] for n in range(16)]
    return [draw_scan(seed + n, depth) for n, depth in enumerate(depths)]


def padded(image, label, size):
    """A scan as training reads it."""
    label = pad_to(label[np.newaxis], size, value=IGNORED)[0]
    return TrainingScan(
        np.ascontiguousarray(pad_to(image, size)),
        label,
        tuple(_centres(label, 1)),
        0,
        {},
    )


def patches_of(cohort):
    dataset = PatchDataset([padded(*scan, PATCH) for scan in cohort], SETTINGS, 0)
    for step in range(SETTINGS.steps):
        pair = [dataset[2 * step], dataset[2 * step + 1]]
        yield tuple(torch.stack([p[word] for p in pair]) for word in ("image", "label"))


def volumes_of(cohort):
    rng = np.random.default_rng(0)
    for _ in range(2 * SETTINGS.steps):
        image, label = cohort[rng.integers(len(cohort))]
        yield (
            torch.from_numpy(image)[None],
            torch.from_numpy(label.astype(np.int64))[None, None],
        )


def train(batches, steps):
    torch.manual_seed(0)
    options = {"channels": 1, "classes": 2, "norm": "instance", "norm_options": {}}
    network = build_network(SETTINGS.network, **options)
    settings = SETTINGS.model_copy(update={"steps": steps})
    optimizer = make_optimizer(network.parameters(), settings)
    schedule, loss = make_schedule(optimizer, settings), SegmentationLoss()
    for image, label in batches:
        optimizer.zero_grad()
        loss(network(image), label).backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def score(network, cohort, tile=None):
    """Mean Dice of the thin scans, and mean volume beside that of the reference."""
    rows = []
    for image, label in cohort:
        if label.shape[2] == DEEP:
            continue
        size = tile or image.shape[1:]
        whole = torch.from_numpy(np.ascontiguousarray(pad_to(image, size)))[None]
        with torch.inference_mode():
            logits = infer_logits(network, whole, {}, size, PredictConfig())
        first = (whole.shape[4] - image.shape[3]) // 2
        predicted = logits.argmax(1)[0].numpy()[..., first : first + image.shape[3]]
        both = (predicted & label).sum()
        total = predicted.sum() + label.sum()
        rows.append((2 * both / total, predicted.sum() / label.sum()))
    return np.mean(rows, axis=0)


@pytest.mark.slow
def test_thin_scans_are_not_hurt_by_their_padding():
    cohort, tests = draw_cohort(100), draw_cohort(900)
    steps = SETTINGS.steps
    dice, volume = score(train(patches_of(cohort), steps), tests, PATCH)
    reference, _ = score(train(volumes_of(cohort), 2 * steps), tests)
    assert reference > 0.8
    assert dice > reference - 0.02
    assert volume < 1.3
