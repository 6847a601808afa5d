"""Each domain is shown before and after harmonization, as far as it can be read."""

from dataclasses import replace

import numpy as np

from medinorm.files.nifti import Volume, read_volume, write_volume
from medinorm.layout import named_paths
from medinorm.report.sections.domain_appearance import (
    SCANS_PER_DOMAIN,
    show_domain,
    write_domain_appearance,
)
from tests.report.page import words


def test_each_domain_has_a_slice_and_a_ridge(fake_study):
    study = fake_study()
    section = write_domain_appearance.write(study.inputs())
    assert section.count("<figcaption>") == len(study.scanners)
    curves = section.count('density label-0"')
    assert curves == 1 + 2 * len(study.scanners)  # a legend, and in both widths
    assert "24 \N{MULTIPLICATION SIGN} 24 \N{MULTIPLICATION SIGN} 24 voxels" in section


def test_some_scans_of_many_are_measured(fake_study):
    study = fake_study(subjects=20, scanners=("A", "B"), size=8)
    inputs = study.inputs()
    scans = list(inputs.volumes.values())[:20]
    shown = show_domain("A", scans, {1: "white matter", 9: "absent"})
    assert shown.scan == scans[0].scan
    voxels = sum(
        np.count_nonzero(_label(scan) == 1)
        for scan in (scans[int(i * 20 / SCANS_PER_DOMAIN)] for i in range(8))
    )
    assert shown.ridge.samples["white matter"].size == voxels
    assert shown.ridge.samples["absent"].size == 0


def _label(scan):
    return read_volume(scan.label).array


def test_scans_without_a_label_map_have_no_part(fake_study):
    inputs = fake_study().inputs()
    unlabelled = {
        name: replace(scan, label=None) for name, scan in inputs.volumes.items()
    }
    section = write_domain_appearance.write(replace(inputs, volumes=unlabelled))
    assert words(section).startswith("No scan could be read")


def test_unreadable_scans_leave_a_note(fake_study):
    study = fake_study()
    for path in (study.root / "canonical").glob("*T1w.nii.gz"):
        path.write_bytes(b"")
    text = words(write_domain_appearance.write(study.inputs()))
    assert text.startswith("No scan could be read")


def test_intensities_are_shown_after_each_step(fake_study):
    variants = [(step, "batch", "flip", "none") for step in ("zscore", "nyul", "none")]
    study = fake_study(variants=variants)
    rng = np.random.default_rng(0)
    label = np.ones((1, 12, 12, 12), dtype=np.uint8)
    for place, (scan, _, _) in enumerate(study.scans):
        image = rng.normal(place, 1, label.shape).astype(np.float32)
        for intensity, map_ in (("zscore", "shared"), ("nyul", "pooled")):
            folder = study.root / "harmonized" / intensity / map_
            paths = named_paths(folder, scan, compress=intensity == "nyul")
            for array, path in zip((image, label), paths, strict=True):
                write_volume(Volume(array, np.eye(4)), path)
    inputs = study.inputs(harmonized=study.root / "harmonized")
    text = words(write_domain_appearance.write(inputs))
    assert "intensity after zscore" in text
    assert "nyul, learned from the training scans of pooled" in text
    assert "intensity after none" not in text  # that was not harmonized
