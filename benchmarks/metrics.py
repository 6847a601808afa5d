"""Time of scoring one scan, beside MONAI on the same label maps.

    python benchmarks/metrics.py [--json]

Both compute Dice, NSD and HD95 of every label, from the same surfaces (flavour
`voxel`); `area` is ours with surfaces weighted by area, which MONAI does not have. The
label maps are nested ellipsoids with a rough surface and a prediction that is shifted
and roughened anew, and 20 parcels of a ball with warped borders; inputs are fresh in
each repetition, times are medians of processor time, in one process. On the right the
distances of one surface alone: ours beside a KD-tree and a Euclidean distance transform
(EDT).
"""

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial

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

from medinorm.score.compare import LabelMeasures, compare_label_maps
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
PARCELS = 20


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


def make_parcels(side: int, seed: int, shift: float = 0.0) -> Labels:
    """A ball cut into parcels, whose borders are warped by chance."""
    places = np.random.default_rng(0).uniform(0.2, 0.8, (PARCELS, 3)) * side + shift
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), axis=-1)
    noise = rng.normal(size=grid.shape).astype(np.float32)
    warp = np.stack([gaussian_filter(noise[..., axis], 3) for axis in range(3)], -1)
    nearest = KDTree(places).query(grid + 1.5 * warp / warp.std())[1] + 1
    outside = np.linalg.norm(grid - side / 2, axis=-1) > 0.42 * side
    return np.where(outside, 0, nearest).astype(np.uint8)


def values_of(labels: Labels) -> range:
    """The labels that are scored."""
    return range(1, int(labels.max()) + 1)


def one_hot(labels: Labels) -> torch.Tensor:
    """Channels first, with background, for MONAI."""
    channels = [labels == v for v in (0, *values_of(labels))]
    return torch.from_numpy(np.stack(channels)[None])


def score_with_monai(label: Labels, prediction: Labels) -> Scores:
    """Dice, NSD and HD95 by MONAI."""
    maps = {"y_pred": one_hot(prediction), "y": one_hot(label)}
    options = {"include_background": False, "spacing": SPACING}
    dice = compute_dice(**maps, include_background=False)
    nsd = compute_surface_dice(
        **maps, class_thresholds=[TOLERANCE] * int(label.max()), **options
    )
    hd95 = compute_hausdorff_distance(**maps, percentile=95, **options)
    return torch.stack([dice[0], nsd[0], hd95[0]], dim=1).numpy()


def score_with_medinorm(
    label: Labels, prediction: Labels, surface: str = "voxel"
) -> Scores:
    """Dice, NSD and HD95 by medinorm."""
    measures = LabelMeasures(TOLERANCE, surface)
    found = compare_label_maps(label, prediction, values_of(label), SPACING, measures)
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
    """Seconds of the processor and result of one call."""
    start = time.process_time()
    result = function(*pair)
    return time.process_time() - start, result


def compare(side: int, repetitions: int) -> dict[str, float]:
    """Median times of all contestants on volumes of one size."""
    contestants = {
        "medinorm": score_with_medinorm,
        "area": partial(score_with_medinorm, surface="area"),
        "monai": score_with_monai,
        "surface": measure_with_medinorm,
        "tree": measure_with_tree,
        "transform": measure_with_transform,
    }

    def make(repetition: int) -> tuple[Labels, Labels]:
        rng = np.random.default_rng(repetition)
        return relabel(make_labels(side, rng)), relabel(make_labels(side, rng, 3.0))

    return time_all(contestants, make, repetitions)


def compare_parcels(side: int, repetitions: int) -> dict[str, float]:
    """Median times on label maps of 20 labels."""
    contestants = {
        "medinorm": score_with_medinorm,
        "area": partial(score_with_medinorm, surface="area"),
        "monai": score_with_monai,
    }

    def make(repetition: int) -> tuple[Labels, Labels]:
        seeds = 2 * repetition + 1, 2 * repetition + 2
        return make_parcels(side, seeds[0]), make_parcels(side, seeds[1], 1.0)

    return time_all(contestants, make, repetitions)


def time_all(
    contestants: dict[str, Contestant],
    make: Callable[[int], tuple[Labels, Labels]],
    repetitions: int,
) -> dict[str, float]:
    """Median times of all contestants; their results are the same where they must."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for repetition in range(repetitions):
        pair = make(repetition)
        results = {}
        for name, function in contestants.items():
            spent, results[name] = time_one(function, pair)
            seconds[name].append(spent)
        np.testing.assert_allclose(results["medinorm"], results["monai"], rtol=1e-5)
        for peer in {"tree", "transform"} & results.keys():
            np.testing.assert_allclose(results["surface"], results[peer], atol=1e-4)
    return {name: statistics.median(spent) for name, spent in seconds.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="numbers for a machine")
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 128, 192])
    parser.add_argument("--parcels", type=int, nargs="*", default=[128])
    parser.add_argument("--repetitions", type=int, default=3)
    given = parser.parse_args()
    warnings.simplefilter("ignore", FutureWarning)  # MONAI's own deprecations
    torch.set_num_threads(1)
    sides = given.sides
    rows = {f"{n}^3": compare(n, given.repetitions) for n in sides}
    rows |= {
        f"{n}^3, {PARCELS} labels": compare_parcels(n, given.repetitions)
        for n in given.parcels
    }
    if given.json:
        print(json.dumps(rows, indent=2))
        return
    print("Dice, NSD and HD95 of three labels, or 20 | distances of one surface")
    print("seconds, and ratio to medinorm; the results are the same (checked)")
    heads = ("medinorm", "area", "MONAI", "| medinorm", "KD-tree", "EDT")
    print(f"{'voxels':>18}" + "".join(f"{head:>17}" for head in heads))
    for name, row in rows.items():
        cells = [(key, "medinorm") for key in ("medinorm", "area", "monai")]
        cells += [(key, "surface") for key in ("surface", "tree", "transform")]
        shown = [f"{row[a]:.3f} ({row[a] / row[b]:.1f}x)" for a, b in cells if a in row]
        print(f"{name:>18}" + "".join(f"{text:>17}" for text in shown))


if __name__ == "__main__":
    main()
