"""The scores of a study: joined with its splits, and as arrays on shared axes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medinorm.choices import DesignName
from medinorm.errors import StageError
from medinorm.evidence.bootstrap import Array, Replicates, draw_replicates
from medinorm.evidence.columns import CASE_COLUMNS, VARIANT_COLUMNS
from medinorm.files.tables import read_table
from medinorm.scan import SCORE_COLUMNS, SPLIT_COLUMNS
from medinorm.variant import Variant

Metric = Literal["dice", "nsd", "hd95"]

_NUMBERS = ("dice", "nsd", "hd95", "voxels_label", "voxels_prediction")
_KEY = [*VARIANT_COLUMNS, "design", "train_set", "seed", "scan", "label"]


@dataclass(frozen=True)
class Axes:
    """What the axes of all arrays of a study stand for.

    Args:
        variants: everything that was compared.
        labels: label values.
        scans: test scans.
        seeds: seeds of training.
        subjects: subject of each scan.
        domains: domain of each scan.
        domain_names: each domain once.
    """

    variants: tuple[Variant, ...]
    labels: tuple[int, ...]
    scans: tuple[str, ...]
    seeds: tuple[int, ...]
    subjects: tuple[str, ...]
    domains: tuple[str, ...]
    domain_names: tuple[str, ...]

    @property
    def members(self) -> list[NDArray[np.intp]]:
        """Indices of the scans of each domain."""
        domains = np.array(self.domains)
        return [np.flatnonzero(domains == name) for name in self.domain_names]


@dataclass(frozen=True)
class Scores:
    """Scores of some cases on the axes of the study.

    Args:
        axes: what the axes stand for.
        dice: shape ``(V, L + 1, S, K)``: variant, label and last their mean, scan,
            seed. NaN: no such case, or nothing to score.
        nsd: the same shape.
        hd95: the same shape, in mm.
        failed: the same shape; nothing usable was predicted.
        seen: the same shape; the case exists, scored or not.
    """

    axes: Axes
    dice: Array
    nsd: Array
    hd95: Array
    failed: NDArray[np.bool_]
    seen: NDArray[np.bool_]


def read_cases(scores: Sequence[Path], splits: Path) -> pd.DataFrame:
    """Read all scores, with the design, domain and training set of each.

    Args:
        scores: score tables.
        splits: `splits.tsv`.

    Returns:
        One row a score, columns `CASE_COLUMNS`; absent numbers are NaN.

    Raises:
        StageError: there is no score, one is listed twice, or scores and splits are not
            of the same study.
    """
    rows = [row for path in scores for row in read_table(path, SCORE_COLUMNS)]
    if not rows:
        raise StageError("no scores to compare; see the logs of predict and score")
    cases = pd.DataFrame(rows, columns=list(SCORE_COLUMNS))
    try:
        cases[[*_NUMBERS]] = cases[[*_NUMBERS]].replace("", "nan").astype(np.float64)
        cases[["seed", "label"]] = cases[["seed", "label"]].astype(np.int64)
    except ValueError:
        raise StageError(
            "a score table has text where a number belongs; score again"
        ) from None
    cases = _join_splits(cases, splits)
    missed = (cases["voxels_label"] > 0) != (cases["voxels_prediction"] > 0)
    cases["failure"] = _yes((cases["state"] == "missing") | missed)
    if cases.duplicated(_KEY).any():
        raise StageError("a score is listed twice; remove stale score tables")
    return cases[list(CASE_COLUMNS)].sort_values(_KEY, ignore_index=True)


def _join_splits(cases: pd.DataFrame, splits: Path) -> pd.DataFrame:
    """Add what `splits.tsv` knows about each score."""
    roles = pd.DataFrame(read_table(splits, SPLIT_COLUMNS), columns=list(SPLIT_COLUMNS))
    tests = roles[roles["role"] == "test"].drop(columns="role")
    joined = cases.merge(tests, on=["split", "scan"], how="left")
    _refuse_leaks(roles)
    if joined["design"].isna().any():
        raise StageError(
            "scores and splits.tsv are not of the same study: a scored scan is no test "
            "scan of its split; score again"
        )
    trained = set(
        roles.loc[roles["role"] == "train", ["split", "domain"]].itertuples(
            index=False, name=None
        )
    )
    pairs = zip(joined["split"], joined["domain"], strict=True)
    joined["in_domain"] = _yes(np.array([pair in trained for pair in pairs]))
    joined["train_set"] = [
        split.removesuffix(f"_fold-{fold}")
        for split, fold in zip(joined["split"], joined["fold"], strict=True)
    ]
    return joined


def _refuse_leaks(roles: pd.DataFrame) -> None:
    """Check that no subject is on both sides of a split."""
    people = roles[["split", "subject"]].drop_duplicates()
    tested = roles["role"] == "test"
    sides = [roles.loc[side, ["split", "subject"]] for side in (tested, ~tested)]
    if sum(len(side.drop_duplicates()) for side in sides) > len(people):
        raise StageError(
            "a subject trains and tests in the same split; split again and train anew"
        )


def _yes(flags: NDArray[np.bool_] | pd.Series) -> NDArray[np.str_]:
    """Flags as words."""
    return np.where(flags, "yes", "no")


def find_axes(cases: pd.DataFrame) -> Axes:
    """The axes on which all scores of a study lie."""
    scans = cases[["scan", "subject", "domain"]].drop_duplicates("scan")
    scans = scans.sort_values("scan")
    variants = cases[[*VARIANT_COLUMNS]].drop_duplicates().itertuples(index=False)
    return Axes(
        variants=tuple(sorted(Variant(*row) for row in variants)),
        labels=tuple(int(label) for label in np.unique(cases["label"])),
        scans=tuple(scans["scan"]),
        seeds=tuple(int(seed) for seed in np.unique(cases["seed"])),
        subjects=tuple(scans["subject"]),
        domains=tuple(scans["domain"]),
        domain_names=tuple(sorted(set(scans["domain"]))),
    )


def gather_scores(cases: pd.DataFrame, axes: Axes) -> Scores:
    """Put cases on the axes of the study.

    Args:
        cases: cases of one design (and one training set, where they overlap).
        axes: as from `find_axes` of all cases.
    """
    shape = tuple(map(len, (axes.variants, axes.labels, axes.scans, axes.seeds)))
    named = [Variant(*row) for row in cases[[*VARIANT_COLUMNS]].itertuples(index=False)]
    place = (
        _positions(named, axes.variants),
        _positions(cases["label"], axes.labels),
        _positions(cases["scan"], axes.scans),
        _positions(cases["seed"], axes.seeds),
    )
    seen, failed = np.zeros((2, *shape), dtype=np.bool_)
    seen[place] = True
    failed[place] = cases["failure"] == "yes"

    def spread(metric: Metric) -> Array:
        values = np.full(shape, np.nan)
        values[place] = cases[metric]
        return np.concatenate([values, _mean_known(values)], axis=1)

    return Scores(
        axes=axes,
        dice=spread("dice"),
        nsd=spread("nsd"),
        hd95=spread("hd95"),
        failed=np.concatenate([failed, failed.any(axis=1, keepdims=True)], axis=1),
        seen=np.concatenate([seen, seen.any(axis=1, keepdims=True)], axis=1),
    )


def select_design(
    cases: pd.DataFrame, design: DesignName, *, in_domain: bool
) -> pd.DataFrame:
    """The cases of one design, on domains that its networks saw or did not see."""
    wanted = "yes" if in_domain else "no"
    return cases[(cases["design"] == design) & (cases["in_domain"] == wanted)]


def replicate_study(axes: Axes, resamples: int, seed: int) -> Replicates:
    """Draw the replicates of a study: one set for all its variants.

    Args:
        axes: scans and seeds of all its cases.
        resamples: number of bootstrap resamples.
        seed: seed of the bootstrap.
    """
    rng = np.random.default_rng(seed)
    return draw_replicates(axes.subjects, axes.domains, len(axes.seeds), resamples, rng)


def _positions(values: Iterable[object], axis: Sequence[object]) -> NDArray[np.intp]:
    """Where each value is on an axis."""
    place = {value: position for position, value in enumerate(axis)}
    return np.array([place[value] for value in values], dtype=np.intp)


def _mean_known(values: Array) -> Array:
    """Mean over labels (the second axis) of what was scored; NaN where nothing was."""
    known = np.isfinite(values)
    count = known.sum(axis=1, keepdims=True)
    total = np.where(known, values, 0.0).sum(axis=1, keepdims=True)
    means: Array = total / np.where(count > 0, count, np.nan)
    return means
