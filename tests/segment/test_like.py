"""Unlabelled scans of the scanner at hand, for what learns from them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from medinorm.bundle.contents import INTENSITY_MAP, METADATA, read_bundle
from medinorm.config import HarmonizeConfig, IngestConfig, PredictConfig
from medinorm.errors import StageError
from medinorm.expected.records import JudgedScanRow
from medinorm.files.atomic import checksum
from medinorm.files.nifti import read_volume
from medinorm.files.records import read_records
from medinorm.files.sidecars import Provenance
from medinorm.files.tables import read_table, write_table
from medinorm.harmonize.fit import learn_map
from medinorm.intensity import write_fitted
from medinorm.layout import fill
from medinorm.predict.stage import predict_scans
from medinorm.records.scans import read_scans
from medinorm.segment.like import choose_adaptation
from medinorm.segment.stage import segment_scans
from medinorm.train.model import ModelCard, write_model
from tests.bundle.finished_study import VARIANT, change_json

KEEP = IngestConfig(subjects="keep")


def renew(bundle, **card):
    """The bundle with another card, and networks with weights drawn for it."""

    def change(values):
        values["medinorm"]["card"].update(card)
        values["medinorm"]["reference"]["features"] = {}

    change_json(bundle / METADATA, change)
    if card.get("intensity", "nyul") != "nyul":
        (bundle / INTENSITY_MAP).unlink()
    torch.manual_seed(0)
    own = {}
    change_json(bundle / METADATA, lambda values: own.update(values["medinorm"]))
    network = ModelCard.from_json(own["card"]).build()
    with torch.no_grad():
        for weight in network.parameters():  # style has no effect at first
            weight.add_(0.1 * torch.randn(weight.shape))
    path = bundle / "models" / "seed-0.safetensors"
    save_file(network.state_dict(), path)
    change_json(
        bundle / METADATA,
        lambda values: values["medinorm"]["weights"].update(
            {path.name: checksum(path)}
        ),
    )
    return network


def table(folder, scans, canonical, **scanners):
    """A table of canonical images, each with its scanner."""
    rows = [
        {
            "subject": scan.split("_")[0].removeprefix("sub-"),
            "image": str(canonical / f"{scan}.nii.gz"),
            "scanner": scanners.get("every", "ab"[int(scan[4]) % 2]),
        }
        for scan in scans
    ]
    write_table(folder, rows, ("subject", "image", "scanner"))
    return folder


@pytest.fixture
def places(made_bundle):
    """The study's folder of canonical scans, and the test scans of scanner a."""
    layout, _ = made_bundle
    rows = read_table(Path(layout.splits))
    tests = sorted(
        row["scan"]
        for row in rows
        if (row["split"], row["role"], row["domain"]) == ("pooled", "test", "a")
    )
    assert len(tests) > 1
    return Path(layout.results) / "canonical", tests


def segmented(folder):
    return sorted((folder / "segmentations").glob("*.nii.gz"))


def test_label_maps_are_those_of_the_adaptation_in_the_study(
    made_bundle, bundle, places, tmp_path
):
    """The workflow adapts to the test scans of a domain: the same, given by hand."""
    layout, _ = made_bundle
    canonical, tests = places
    network = renew(bundle, norm="batch")
    contents = read_bundle(bundle)
    write_model(
        tmp_path / "runs" / "seed-0", network, contents.card, Provenance({}, {}), {}
    )
    harmonized = fill(layout.harmonized, **VARIANT._asdict(), map="pooled")
    predict_scans(
        *(Path(layout.scans), canonical, Path(layout.splits), Path(harmonized)),
        *(tmp_path / "runs", tmp_path / "theirs", tmp_path / "status.tsv"),
        adapt="batch_statistics",
        split="pooled",
        seeds=[0],
        settings=PredictConfig(overlap=0.5),
    )
    scans = table(tmp_path / "scans.tsv", tests, canonical)
    call = {"scans": scans, "private": tmp_path / "p", "ingest": KEEP}
    segment_scans(bundle, tmp_path / "without", **call)
    segment_scans(bundle, tmp_path / "out", like=scans, **call)
    made = segmented(tmp_path / "out")
    assert len(made) == len(tests)
    for path, scan in zip(made, tests, strict=True):
        theirs = read_volume(tmp_path / "theirs" / "seed-0" / f"{scan}.nii.gz").array
        np.testing.assert_array_equal(read_volume(path).array, theirs)
        without = read_volume(tmp_path / "without" / "segmentations" / path.name)
        assert (without.array != theirs).any()
    first = [path.stat().st_mtime_ns for path in made]
    segment_scans(bundle, tmp_path / "out", like=scans, **call)
    assert [path.stat().st_mtime_ns for path in made] == first
    few = table(tmp_path / "few.tsv", tests[:1], canonical)
    segment_scans(bundle, tmp_path / "out", like=few, **call)  # other scans: made again
    assert [path.stat().st_mtime_ns for path in made] != first
    for row in read_records(tmp_path / "out" / "expected.tsv", JudgedScanRow):
        assert row.expected is None  # the study has no line of adapted networks
        assert row.deep_distance is None


def test_norms_take_the_scans_as_references_of_style(bundle, places, tmp_path):
    canonical, tests = places
    renew(bundle, norm="adaptive_instance", shots=2)
    scans = table(tmp_path / "scans.tsv", tests[:1], canonical)
    folder = tmp_path / "like"
    folder.mkdir()
    for scan in ("sub-1_T1w", "sub-3_T1w"):
        data = (canonical / f"{scan}.nii.gz").read_bytes()
        (folder / f"{scan}.nii.gz").write_bytes(data)
    (folder / "README.txt").write_text("of scanner b")
    call = {"scans": scans, "private": tmp_path / "p", "ingest": KEEP}
    segment_scans(bundle, tmp_path / "own", **call)
    segment_scans(bundle, tmp_path / "others", like=folder, **call)
    own, others = (
        read_volume(segmented(tmp_path / name)[0]).array for name in ("own", "others")
    )
    assert (own != others).any()


def test_a_map_for_all_scans_is_that_of_the_new_scanner(bundle, places, tmp_path):
    """Scanner b has ten times the gain; its own population brings it to the scale."""
    canonical, tests = places
    table_of = read_scans(canonical.parent / "scans.tsv", canonical)
    renew(bundle, intensity="population")
    values = {"spacing": [1.5, 1.5, 1.5], "foreground": "image"}
    change_json(bundle / METADATA, lambda own: own["medinorm"].update(harmonize=values))
    fitted = learn_map(
        [table_of[scan] for scan in tests],
        intensity="population",
        split="pooled",
        settings=HarmonizeConfig(**values),
    )
    write_fitted(fitted, bundle / INTENSITY_MAP)
    scans = table(tmp_path / "scans.tsv", ["sub-1_T1w", "sub-3_T1w"], canonical)
    segment_scans(
        bundle,
        tmp_path / "out",
        scans=scans,
        like=scans,
        private=tmp_path / "p",
        ingest=KEEP,
    )
    harmonized = sorted((tmp_path / "out" / "like" / "harmonized").glob("*_image.nii"))
    assert len(harmonized) == 2
    pooled = np.concatenate([read_volume(path).array.ravel() for path in harmonized])
    assert abs(pooled.mean()) < 0.01
    assert pooled.std() == pytest.approx(1, abs=0.01)


def test_a_bundle_that_learns_nothing_from_scans_says_so(made_bundle, tmp_path):
    contents = read_bundle(made_bundle[1])
    with pytest.raises(StageError, match="--like: the norm instance and the intensity"):
        choose_adaptation(contents, None)
    with pytest.raises(StageError, match="--adapt: tent adapts networks with the norm"):
        choose_adaptation(contents, "tent")
    batch = replace(contents, card=replace(contents.card, norm="batch"))
    assert choose_adaptation(batch, None) == "batch_statistics"
    assert choose_adaptation(batch, "tent") == "tent"
    with pytest.raises(StageError, match="learn nothing from other scans"):
        choose_adaptation(batch, "none")
    image = tmp_path / "a.nii.gz"
    image.touch()
    with pytest.raises(StageError, match="--adapt: there is nothing to adapt to"):
        segment_scans(
            made_bundle[1], tmp_path / "out", images=[image], adapt="tent", ingest=KEEP
        )


def test_what_the_scans_are_is_checked(bundle, places, tmp_path):
    canonical, tests = places
    renew(bundle, norm="batch")
    scans = table(tmp_path / "scans.tsv", tests, canonical)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "SECRET.txt").write_text("no scan")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "SECRET.nii.gz").write_text("no scan")
    both = table(tmp_path / "both.tsv", ["sub-1_T1w", tests[0]], canonical)
    others = table(tmp_path / "others.tsv", ["sub-1_T1w", "sub-3_T1w"], canonical)
    for place, message in (
        (tmp_path / "SECRET", "no such folder"),
        (tmp_path / "empty", "the folder is empty"),
        (tmp_path / "text", r"^--like: "),
        (tmp_path / "broken", r"^--like: "),
        (both, "its scans are of 2 domains"),
        (others, r"2 of 2 scans to segment are of another scanner"),
    ):
        with pytest.raises(StageError, match=message) as caught:
            segment_scans(
                bundle,
                tmp_path / "out",
                scans=scans,
                like=place,
                private=tmp_path / "p",
                ingest=KEEP,
            )
        assert "SECRET" not in str(caught.value)
        assert "\n" not in str(caught.value)
