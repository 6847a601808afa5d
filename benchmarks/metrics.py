"""Time of scoring one scan, beside MONAI on the same label maps.

    python benchmarks/metrics.py [--json]

Both compute Dice, NSD and HD95 of every label. The label maps are nested ellipsoids
with a rough surface and a prediction that is shifted and roughened anew; inputs are
fresh in each repetition, times are medians, in one process. On the right the distances
of one surface alone: ours beside a KD-tree and a Euclidean distance transform (EDT).
"""

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from monai.metrics import (
    compute_dice,
    compute_hausdorff_distance,
    compute_surface_dice,
)
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.spatial import KDTree

from medinorm.score.compare import compare_label_maps
from medinorm.score.overlaps import Labels
from medinorm.score.surfaces import (
    Points,
    bounding_boxes,
    surface_distances,
    surface_points,
)

Scores = NDArray[np.float64]
Contestant = Callable[[Labels, Labels], Scores]

SPACING = (1.0, 1.0, 1.2)
TOLERANCE = 2.0
VALUES = (1, 2, 3)


def make_labels(side: int, rng: np.random.Generator, shift: float = 0.0) -> Labels:
    """Three nested rough ellipsoids."""
    axes = [np.linspace(-1, 1, side) - shift / side] * 3
    radius = np.sqrt(sum(x**2 for x in np.meshgrid(*axes, indexing="ij")))
    rough = gaussian_filter(rng.normal(size=radius.shape).astype(np.float32), 2.0)
    radius += 0.05 * rough / rough.std()
    return np.digitize(radius, [0.35, 0.55, 0.75]).astype(np.uint8)


def relabel(labels: Labels) -> Labels:
    """Labels 1 to 3 inside out, 0 outside."""
    return np.where(labels == 3, 0, labels + 1).astype(np.uint8)


def one_hot(labels: Labels) -> torch.Tensor:
    """Channels first, with background, for MONAI."""
    return torch.from_numpy(np.stack([labels == v for v in (0, *VALUES)])[None])


def score_with_monai(label: Labels, prediction: Labels) -> Scores:
    """Dice, NSD and HD95 by MONAI."""
    maps = {"y_pred": one_hot(prediction), "y": one_hot(label)}
    options = {"include_background": False, "spacing": SPACING}
    dice = compute_dice(**maps, include_background=False)
    nsd = compute_surface_dice(**maps, class_thresholds=[TOLERANCE] * 3, **options)
    hd95 = compute_hausdorff_distance(**maps, percentile=95, **options)
    return torch.stack([dice[0], nsd[0], hd95[0]], dim=1).numpy()


def score_with_medinorm(label: Labels, prediction: Labels) -> Scores:
    """Dice, NSD and HD95 by medinorm."""
    found = compare_label_maps(label, prediction, VALUES, SPACING, TOLERANCE)
    names = ("dice", "nsd", "hd95")
    return np.array([[one.metrics[name] for name in names] for one in found])


def surfaces(label: Labels, prediction: Labels) -> list[Points]:
    """Surface points of label 3 in both maps, in voxels."""
    return [surface_points(x, 3, bounding_boxes(x)[3]) for x in (label, prediction)]


def measure_with_medinorm(label: Labels, prediction: Labels) -> Scores:
    """Distances of two surfaces by medinorm."""
    return surface_distances(*surfaces(label, prediction), SPACING)


def measure_with_tree(label: Labels, prediction: Labels) -> Scores:
    """Distances of two surfaces by scipy's KD-tree."""
    true, predicted = surfaces(label, prediction)
    tree = KDTree(predicted * np.array(SPACING))
    return tree.query(true * np.array(SPACING))[0]


def measure_with_transform(label: Labels, prediction: Labels) -> Scores:
    """Distances of two surfaces by a distance transform."""
    true, predicted = surfaces(label, prediction)
    corner = np.minimum(true.min(axis=0), predicted.min(axis=0))
    size = np.maximum(true.max(axis=0), predicted.max(axis=0)) - corner + 1
    outside = np.ones(size, dtype=bool)
    outside[tuple((predicted - corner).T)] = False
    distances = distance_transform_edt(outside, sampling=SPACING)
    return distances[tuple((true - corner).T)]


def time_one(function: Contestant, pair: tuple[Labels, Labels]) -> tuple[float, Scores]:
    """Seconds and result of one call."""
    start = time.perf_counter()
    result = function(*pair)
    return time.perf_counter() - start, result


def compare(side: int, repetitions: int) -> dict[str, float]:
    """Median times of all contestants on volumes of one size."""
    contestants = {
        "medinorm": score_with_medinorm,
        "monai": score_with_monai,
        "surface": measure_with_medinorm,
        "tree": measure_with_tree,
        "transform": measure_with_transform,
    }
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for repetition in range(repetitions):
        rng = np.random.default_rng(repetition)
        pair = relabel(make_labels(side, rng)), relabel(make_labels(side, rng, 3.0))
        results = {}
        for name, function in contestants.items():
            spent, results[name] = time_one(function, pair)
            seconds[name].append(spent)
        np.testing.assert_allclose(results["medinorm"], results["monai"], rtol=1e-4)
        for peer in ("tree", "transform"):
            np.testing.assert_allclose(results["surface"], results[peer], atol=1e-4)
    return {name: statistics.median(spent) for name, spent in seconds.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="numbers for a machine")
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 128, 192])
    parser.add_argument("--repetitions", type=int, default=3)
    given = parser.parse_args()
    warnings.simplefilter("ignore", FutureWarning)  # MONAI's own deprecations
    rows = {side: compare(side, given.repetitions) for side in given.sides}
    if given.json:
        print(json.dumps(rows, indent=2))
        return
    print("Dice, NSD and HD95 of three labels | distances of one surface")
    print("seconds, and ratio to medinorm; the results are the same (checked)")
    heads = ("medinorm", "MONAI", "| medinorm", "KD-tree", "EDT")
    print(f"{'voxels':>8}" + "".join(f"{head:>17}" for head in heads))
    for side, row in rows.items():
        cells = [
            ("medinorm", "medinorm"),
            ("monai", "medinorm"),
            ("surface", "surface"),
        ]
        cells += [("tree", "surface"), ("transform", "surface")]
        shown = [f"{row[a]:.3f} ({row[a] / row[b]:.1f}x)" for a, b in cells]
        print(f"{side:>6}^3" + "".join(f"{text:>17}" for text in shown))


if __name__ == "__main__":
    main()
