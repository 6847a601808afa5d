"""A scan is flagged for each thing in which it is unlike the training scans."""

from dataclasses import replace

import numpy as np
import pytest

from medinorm.expected.judge import NO_REFERENCE, SeenScan, is_known, judge_scan
from medinorm.expected.likeness.acquisition import Acquisition
from medinorm.expected.likeness.distance import TrainingDomains
from medinorm.expected.model import DiceModel
from medinorm.expected.reference import Reference, VolumeRange
from medinorm.records.scans import Identity, ScanRow

RNG = np.random.default_rng(0)
NEAR = TrainingDomains.of({"ge": [RNG.normal(0, 1, 4) for _ in range(6)]})
REFERENCE = Reference(
    model=DiceModel(0.0, 1.0, 0.5, lowest=0.6, domains=3, scans=9),
    acquisition=Acquisition.of([Identity(field_strength="3", modality="MR")]),
    intensities=NEAR,
    textures=NEAR,
    features={"seed-0.safetensors": NEAR, "seed-1.safetensors": NEAR},
    volumes={1: VolumeRange(4.0, 8.0)},
)
USUAL = SeenScan(
    profile=np.zeros(4),
    texture=np.zeros(4),
    features={"seed-0.safetensors": np.zeros(4), "seed-1.safetensors": np.zeros(4)},
    agreement=0.8,
    volumes={1: 6.0},
)
FAR = np.full(4, 50.0)


def judge(known=True, identity=None, reference=REFERENCE, **seen):
    row = ScanRow(
        *("sub-1_T1w", "1", None, "a.nii.gz", None, ("T1w",), ""),
        identity=identity or Identity(field_strength="3"),
    )
    return judge_scan(row, replace(USUAL, **seen), reference, known)


def test_a_scan_like_the_others_is_not_flagged():
    row = judge()
    assert not row.flagged
    assert row.reasons is None
    assert row.expected == pytest.approx(0.8)
    assert row.low < row.expected < row.high
    assert (row.nearest, row.known) == ("ge", True)
    assert row.distance < row.limit
    assert not judge(known=None).flagged  # headers that tell nothing are no reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"known": False}, "none that the networks were trained on"),
        ({"identity": Identity(field_strength="1.5")}, "its field strength lies"),
        ({"identity": Identity(modality="CT")}, "its modality is not that"),
        ({"profile": FAR}, "its intensities are unlike"),
        ({"profile": np.full(4, np.nan)}, "its intensities are unlike"),
        ({"texture": FAR}, "its noise and sharpness are unlike"),
        (
            {"features": dict.fromkeys(USUAL.features, FAR)},
            "what the networks see in it is unlike",
        ),
        ({"agreement": 0.5}, "the networks agree less than on any scan"),
        ({"volumes": {1: 1.0}}, "label 1 is much smaller"),
        ({"volumes": {}}, "label 1 is much smaller"),
        ({"volumes": {1: 20.0}}, "label 1 is much larger"),
    ],
)
def test_each_difference_is_a_reason_of_its_own(change, reason):
    row = judge(**change)
    assert row.flagged
    assert reason in row.reasons
    assert ";" not in row.reasons


def test_of_a_strange_scan_no_dice_is_expected():
    assert judge(known=False).expected is not None  # so were those left out
    assert judge(volumes={1: 1.0}).expected is not None
    for change in ({"profile": FAR}, {"agreement": 0.5}):
        row = judge(**change)
        assert (row.expected, row.low, row.high) == (None, None, None)


def test_what_is_as_far_as_domains_that_were_left_out_still_has_a_dice():
    rows = {"a": [RNG.normal(0, 1, 4) for _ in range(9)]}
    rows["b"] = [RNG.normal(9, 1, 4) for _ in range(9)]
    known = TrainingDomains.of(rows)
    reference = replace(REFERENCE, textures=known)
    between = judge(reference=reference, texture=np.full(4, 4.5))
    assert between.flagged
    assert between.texture_distance > between.texture_limit
    assert between.expected is not None
    assert judge(reference=reference, texture=FAR).expected is None


def test_several_reasons_are_all_said():
    row = judge(known=False, profile=FAR, agreement=0.1)
    assert row.reasons.count(";") == 2


def test_one_network_that_sees_something_new_is_not_enough():
    first, second = USUAL.features
    assert not judge(features={first: FAR, second: np.zeros(4)}).flagged


def test_a_bundle_without_a_reference_flags_all():
    row = judge(reference=None)
    assert row.flagged
    assert row.reasons == NO_REFERENCE
    assert row.expected is None


def test_a_study_that_could_not_say_what_to_expect_still_flags():
    silent = replace(
        REFERENCE, model=None, intensities=None, textures=None, features={}
    )
    row = judge(reference=silent)
    assert (row.flagged, row.expected, row.distance) == (False, None, None)
    assert judge(reference=silent, known=False).flagged


def test_domains_are_compared_by_meaning():
    assert is_known("GE  Signa_HDxt", ["ge signa hdxt"])
    assert is_known("Philips", ["GE", "Siemens"]) is False
    assert is_known("", ["GE"]) is None
