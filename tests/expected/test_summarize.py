"""Training scans are summarized by domain; test scans are not read."""

import numpy as np

from medinorm.expected.summarize import (
    choose_training,
    measure_ranges,
    summarize_acquisition,
    summarize_images,
)
from medinorm.files.nifti import Volume, write_volume
from medinorm.layout import named_paths
from medinorm.records.scans import Identity, ScanRow, SplitRow

ROWS = [
    SplitRow("pooled", "pooled", 0, f"{domain}{n}", str(n), domain, role)
    for domain in "ab"
    for n, role in enumerate(("train",) * 4 + ("test", "unlabelled"))
]


def write_scans(folder):
    rng = np.random.default_rng(0)
    for row in ROWS:
        if row.role != "train":
            continue  # reading it would fail
        gain, size = (1, 4) if row.domain == "a" else (30, 5)
        label = np.zeros((12, 12, 12), np.uint8)
        label[3 : 3 + size, 3:7, 3:7] = 1
        image = gain * (label + rng.normal(1, 0.1, label.shape))
        target, label_path = named_paths(folder, row.scan)
        grid = np.diag([2.0, 2.0, 2.0, 1.0])
        write_volume(Volume(image[np.newaxis].astype(np.float32), grid), target)
        write_volume(Volume(label[np.newaxis], grid), label_path)


def test_intensities_and_volumes_of_training_scans(tmp_path):
    write_scans(tmp_path)
    chosen = choose_training(ROWS)
    assert {row.role for row in chosen} == {"train"}
    assert len(choose_training(ROWS, 2)) == 4
    known, textures = summarize_images(chosen, tmp_path)
    assert set(known.means) == set(textures.means) == {"a", "b"}
    assert known.means["b"][3] > 10 * known.means["a"][3]
    assert measure_ranges(chosen, tmp_path, (1, 2)) == {
        1: (64 * 0.008, 80 * 0.008),
        2: (0, 0),
    }


def test_headers_of_training_scans_only():
    scans = [
        ScanRow(
            *(row.scan, row.subject, None, "", None, (), ""),
            identity=Identity(echo_time="0.01" if row.role == "train" else "0.09"),
        )
        for row in ROWS
    ]
    assert summarize_acquisition(scans, ROWS).ranges == {"echo_time": (0.01, 0.01)}
