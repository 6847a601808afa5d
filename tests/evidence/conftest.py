"""A small study on disk: label maps and the tables that name them."""

import itertools
import json
import math
import time
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import pytest

from medinorm.columns.parquet import column_types, write_columns
from medinorm.columns.words import WordColumn
from medinorm.config import EvidenceConfig
from medinorm.evidence.stage import compare_variants
from medinorm.files.records import column_names
from medinorm.files.tables import write_table
from medinorm.records.scans import SplitRow
from medinorm.records.scores import ScoreRow

MEANS = {"batch": 0.45, "instance": 0.80, "group": 0.80, "layer": 0.60}


class Case(NamedTuple):
    """What was predicted, and by which network."""

    design: str
    split: str
    domain: str
    scan: str
    seed: int
    label: int


class ScoreTables:
    """Score tables of a study whose true effects are known.

    Args:
        folder: where it lives.
        domains: number of test subjects on each domain.
        seeds: seeds of training.
    """

    def __init__(self, folder, domains, seeds=(0, 1, 2)):
        self.folder = folder
        self.domains = domains
        self.seeds = seeds
        self.scans = {
            f"{domain}{number}": domain
            for domain, count in domains.items()
            for number in range(count)
        }
        self.external = {}
        self.rows = []
        self.subject_of = lambda scan: scan
        self.fold_of = lambda split: 0  # noqa: ARG005 (tests replace it)

    def add(self, variant, dice, labels=(1, 2), designs=("lodo", "pooled")):
        """Score a variant; `dice` maps a `Case` to its Dice."""
        for design, split, _ in self.all_splits(designs):
            for (scan, domain), seed, label in itertools.product(
                self.tested(split), self.seeds, labels
            ):
                value = dice(Case(design, split, domain, scan, seed, label))
                self.rows.append(score_row(variant, split, seed, scan, label, value))

    def fill(self, means=MEANS, designs=("lodo", "pooled")):
        """Out-of-domain Dice by norm; 0.85 where the domain was trained on."""
        rng = np.random.default_rng(0)
        person = {scan: 0.03 * rng.normal() for scan in self.scans}
        for norm, mean in means.items():

            def dice(case, mean=mean):
                base = mean if case.split == f"lodo-{case.domain}" else 0.85
                return base + person[case.scan] + 0.01 * rng.normal()

            self.add(("zscore", norm, "flip", "none"), dice, designs=designs)

    def tested(self, split):
        """Scan and domain of the test scans of a split."""
        only = split.removeprefix("size_matched-") if "matched" in split else None
        scans = self.scans | (self.external if split == "pooled" else {})
        return [(s, d) for s, d in scans.items() if only in (None, d)]

    def all_splits(self, designs=("lodo", "pooled")):
        """Design, name and training domains of each split."""
        for domain in self.domains:
            if "lodo" in designs:
                yield "lodo", f"lodo-{domain}", set(self.domains) - {domain}
            if "single" in designs:
                yield "single", f"single-{domain}", {domain}
            if "size_matched" in designs:
                yield "size_matched", f"size_matched-{domain}", set(self.domains)
        if "pooled" in designs:
            yield "pooled", "pooled", set(self.domains)

    def compare(
        self, designs=("lodo", "pooled"), domain=("scanner",), failure=0.5, **settings
    ):
        """Write the tables and compare the variants; gives the folder of evidence.

        With `columns` the scores are Parquet, as the workflow has them.
        """
        roles = []
        for design, split, training in self.all_splits(designs):
            fold = self.fold_of(split)
            common = {"split": split, "design": design, "fold": fold}
            roles += [
                {**common, "scan": s, "subject": self.subject_of(s), "domain": d}
                | {"role": "test"}
                for s, d in self.tested(split)
            ]
            roles += [
                {**common, "scan": f"t{d}", "subject": f"t{d}", "domain": d}
                | {"role": "train"}
                for d in sorted(training)
            ]
        write_table(self.folder / "splits.tsv", roles, column_names(SplitRow))
        if settings.pop("columns", False):
            scores = self.folder / "scores.parquet"
            write_columns(scores, columns_of(self.rows), ScoreRow)
        else:
            scores = self.folder / "scores.tsv"
            write_table(scores, self.rows, column_names(ScoreRow))
        evidence = self.folder / "evidence"
        compare_variants(
            [scores],
            self.folder / "splits.tsv",
            self.folder / "runs",
            evidence,
            domain=domain,
            learning_rates=settings.pop("learning_rates", ()),
            failure=failure,
            settings=EvidenceConfig(**{"resamples": 400, **settings}),
        )
        return evidence


def columns_of(rows):
    """The columns of rows that are dictionaries."""
    columns = {}
    for name, (kind, optional) in column_types(ScoreRow).items():
        values = [row.get(name) for row in rows]
        words = kind is str or not optional
        columns[name] = WordColumn.of(values) if words else np.array(values, np.float64)
    return columns


def score_row(variant, split, seed, scan, label, dice):
    """One row; Dice `None` is a missing prediction, NaN nothing to score."""
    intensity, norm, augmentation, adapt = variant
    row = {
        "intensity": intensity,
        "norm": norm,
        "augmentation": augmentation,
        "adapt": adapt,
        "split": split,
        "seed": seed,
        "scan": scan,
        "label": label,
        "voxels_label": 100,
    }
    if dice is None:
        return row | {"state": "missing", "dice": 0.0, "nsd": 0.0, "hd95": 50.0}
    if math.isnan(dice):
        return row | {"state": "empty", "voxels_label": 0, "voxels_prediction": 0}
    return row | {
        "state": "scored",
        "dice": float(dice),
        "nsd": float(dice) ** 2,
        "hd95": 10.0 * (1 - dice),
        "voxels_prediction": 0 if dice == 0 else 100,
    }


@pytest.fixture
def comparison(tmp_path):
    """Makes a comparison: test subjects of each domain, seeds."""

    def make(domains=None, seeds=(0, 1, 2)):
        return ScoreTables(
            tmp_path, domains or {"ge": 6, "philips": 6, "siemens": 6}, seeds
        )

    return make


@pytest.fixture
def read_json():
    """Reads strict JSON: not-a-number is no JSON."""

    def refuse(name):
        raise ValueError(name)

    def read(path):
        return json.loads(path.read_text(), parse_constant=refuse)

    return read


@pytest.fixture
def cpu_limit():
    """Fails if a block takes more than so many seconds of processor time."""

    @contextmanager
    def limit(seconds):
        start = time.process_time()
        yield
        assert time.process_time() - start < seconds

    return limit


@pytest.fixture
def study(comparison):
    study = comparison(seeds=range(4))
    study.fill()
    return study
