"""The verdict is written and read in one place."""

import json
from dataclasses import replace

import pytest

from medinorm.errors import StageError
from medinorm.files.checksums import checksum_path
from medinorm.records.verdict import Verdict, read_verdict, write_verdict
from medinorm.variant import Variant

BATCH = Variant("zscore", "batch", "flip", "none")
VERDICT = Verdict(
    ranked=True,
    reason="",
    best=(Variant("zscore", "group", "flip", "tent"), BATCH),
    reference=BATCH,
    sentences=("One.", "Two."),
    confidence=0.95,
    domains=3,
    scans=18,
    subjects=17,
    seeds=4,
    predictions=72,
    failures=1,
    version="0.1.0",
    domain=("vendor", "model"),
    settings={"confidence": 0.95, "resamples": 2000},
    weaknesses=("Few trainings.",),
)


@pytest.mark.parametrize(
    "verdict",
    [VERDICT, replace(VERDICT, ranked=False, reason="why", best=(), reference=None)],
    ids=["ranked", "unranked"],
)
def test_it_is_read_as_it_was_written(tmp_path, verdict):
    write_verdict(tmp_path / "verdict.json", verdict)
    assert read_verdict(tmp_path / "verdict.json") == verdict


def test_variants_have_their_name_in_the_file(tmp_path):
    names = {VERDICT.best[0]: "zscore + group + tent", BATCH: "zscore + batch"}
    write_verdict(tmp_path / "verdict.json", VERDICT, names)
    found = json.loads((tmp_path / "verdict.json").read_text())
    assert found["best"][0] == {
        "intensity": "zscore",
        "norm": "group",
        "augmentation": "flip",
        "adapt": "tent",
        "name": "zscore + group + tent",
    }
    assert found["reference"]["name"] == "zscore + batch"


def change(path, **parts):
    """As another version would have written it, without a checksum beside it."""
    checksum_path(path).unlink()
    found = json.loads(path.read_text()) | parts
    path.write_text(json.dumps({k: v for k, v in found.items() if v != "absent"}))


def test_domains_of_an_older_verdict_are_scanners(tmp_path):
    path = tmp_path / "verdict.json"
    write_verdict(path, VERDICT)
    change(path, domain="absent")
    assert read_verdict(path).domain == ("scanner",)


@pytest.mark.parametrize(
    "parts",
    [{"best": "absent"}, {"scans": "absent"}, {"best": [{}]}, {"sentences": 3}],
    ids=["no best", "no scans", "no name", "a number"],
)
def test_a_damaged_verdict_is_one_line(tmp_path, parts):
    path = tmp_path / "verdict.json"
    write_verdict(path, VERDICT)
    change(path, **parts)
    with pytest.raises(StageError, match=r"^verdict\.json: damaged, or of another"):
        read_verdict(path)
    path.write_text("{")
    with pytest.raises(StageError, match="damaged"):
        read_verdict(path)
    path.unlink()
    with pytest.raises(StageError, match="does not exist; run evidence"):
        read_verdict(path)


def test_an_older_verdict_has_no_weaknesses(tmp_path):
    path = tmp_path / "verdict.json"
    write_verdict(path, VERDICT)
    checksum_path(path).unlink()
    content = json.loads(path.read_text())
    del content["weaknesses"]
    path.write_text(json.dumps(content))
    assert read_verdict(path) == replace(VERDICT, weaknesses=())
