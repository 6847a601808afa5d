"""The configuration refuses what cannot work, in one line that names the key."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from medinorm import config
from medinorm.config.reference import key_reference, schema
from medinorm.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "config").rglob("*.yaml"))


PACS = {"url": "https://pacs.example/web", "query": "query.tsv"}


def test_a_password_in_the_address_is_refused_and_not_repeated():
    pacs = PACS | {"url": "https://someone:hush@pacs.example/web"}
    with pytest.raises(ConfigError, match="url must not have a password") as caught:
        config.parse_study({"input": {"pacs": pacs}})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"trian": {}}, "trian: unknown key; did you mean train?"),
        ({"train": {"step": 3}}, "train.step: unknown key; did you mean steps?"),
        ({"train": {"zzz": 3}}, "known keys: network, patch"),
        ({"train": {"network": {"chanels": [1]}}}, "did you mean channels?"),
        (
            {"train": {"steps": 0}},
            r"train.steps: .* equal to 1 \(got 0",
        ),
        (
            {"experiments": {"norm": ["foo"]}},
            "norm.0: Input should be 'adaptive",
        ),
        ({"experiments": {"norm": ["batch", "batch"]}}, "the same entry twice"),
        (
            {"input": {"scans": "a", "bids": "b"}},
            "give one of scans, dicom, bids and pacs",
        ),
        (
            {"input": {"pacs": {"url": "https://a"}, "dicom": ["b"]}},
            "input.pacs: query",
        ),
        ({"input": {"pacs": {**PACS, "url": "ftp://a"}}}, "url is needed for dicomweb"),
        (
            {"input": {"pacs": {**PACS, "protocol": "c-get"}}},
            "host is needed for c-get",
        ),
        ({"input": {"pacs": {**PACS, "description": "("}}}, "no regular expression"),
        (
            {"input": {"pacs": {**PACS, "drawings": False}}},
            "input.pacs: drawings is called annotations now; rename the key",
        ),
        ({"input": {"pacs": PACS | {"dates": ["20250101", "20240101"]}}}, "first of"),
        ({"input": {"pacs": PACS, "dicom": ["b"]}}, "give one of"),
        ({"input": {"labels": "a"}}, "labels goes with dicom"),
        ({"input": {"dicom": ["a"], "channels": ["t", "u"]}}, "one channel"),
        ({"train": {"patch": [47, 48, 48]}}, "must be divisible by 8"),
        ({"train": {"selection": "validation"}}, "needs split.validation_fraction"),
        ({"split": {"folds": 3, "test_folds": 4}}, "cannot exceed folds"),
        (
            {
                "harmonize": {
                    "intensity_options": {"percentile": {"percentiles": [9, 1]}}
                }
            },
            "percentiles must rise",
        ),
        (
            {"harmonize": {"intensity_options": {"nyull": {}}}},
            "did you mean nyul?",
        ),
        (
            {"harmonize": {"intensity_options": {"kde": {"top": 1}}}},
            "harmonize.intensity_options.kde.top: unknown key; known keys: peak",
        ),
        (
            {"harmonize": {"foreground": "label"}},
            "labels of test scans for zscore",
        ),
        ({"harmonize": {"foreground": "file"}}, "needs masks"),
        (
            {"experiments": {"intensity": ["group"]}},
            "group.channels must name each of image once",
        ),
        ({"results": "out", "private": "out/private"}, "must lie outside of results"),
        ({"results": "out", "private": "out"}, "must lie outside of results"),
        ({"results": "{out}"}, "braces"),
        (
            {"experiments": {"norm_options": {"group": {"nonsense": 1}}}},
            "experiments.norm_options: group has no option nonsense; its options: "
            "num_groups, eps, affine",
        ),
        ({"experiments": {"adapt": ["batch_statistics"]}}, "must contain none"),
    ],
)
def test_impossible_studies_are_refused(values, message):
    with pytest.raises(ConfigError, match=message) as caught:
        config.parse_study(values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_shipped_studies_are_valid(path):
    values = yaml.safe_load(path.read_text())
    config.parse_study(values)
    plain = json.loads(json.dumps(values))
    jsonschema.validate(plain, json.loads((ROOT / "config/schema.json").read_text()))


def test_shipped_studies_name_the_schema():
    for path in FILES:
        line = path.read_text().splitlines()[0]
        named = line.removeprefix("# yaml-language-server: $schema=")
        assert (path.parent / named).resolve() == ROOT / "config/schema.json"


def test_schema_and_key_reference_are_in_step():
    assert json.loads((ROOT / "config/schema.json").read_text()) == schema()
    assert (ROOT / "config/README.md").read_text() == key_reference(), (
        "run: medinorm schema --folder config"
    )


def test_sections_never_change():
    study = config.parse_study({})
    with pytest.raises(ValueError, match="frozen"):
        study.train.steps = 3
