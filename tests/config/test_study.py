"""A whole study is refused where its parts do not fit, in one line."""

from pathlib import Path

import pytest
import yaml

from medinorm import config, errors

ROOT = Path(__file__).resolve().parents[2]
FILES = [*sorted((ROOT / "config").rglob("*.yaml")), ROOT / ".ci" / "tiny.yaml"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"train": {"patch": [47, 48, 48], "network": {"channels": [8] * 4}}},
            "must be divisible by 8",
        ),
        (
            {
                "train": {
                    "patch": [48, 48, 6],
                    "network": {"channels": [4, 8], "strides": [[2, 2, 4]]},
                }
            },
            r"must be divisible by \[2, 2, 4\]",
        ),
        ({"train": {"selection": "validation"}}, "needs split.validation_fraction"),
        (
            {"experiments": {"intensity": ["group"]}},
            "group.channels must name each of image once",
        ),
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
        ({"harmonize": {"foreground": "file"}}, "need each other"),
        ({"results": "out", "private": "out/private"}, "must lie outside of results"),
        ({"results": "out", "private": "out"}, "must lie outside of results"),
        ({"results": "{out}"}, "braces"),
        (
            {"results": "mine", "input": {"scans": "mine/scans.tsv"}},
            "input.scans lies in the folder of the results",
        ),
        (
            {"input": {"dicom": ["d"], "labels": "x/../results/a/labels.tsv"}},
            "input.labels lies in the folder of the results",
        ),
        (
            {"final": ["zscore/batch", "zscore/ibn"]},
            "0 variants have the levels 'zscore/ibn'; known: zscore/batch/",
        ),
        ({"final": ["zscore"]}, "final: 4 variants have the levels 'zscore'"),
        (
            {"experiments": {"norm_options": {"group": {"nonsense": 1}}}},
            "experiments.norm_options: group has no option nonsense; its options: "
            "num_groups, eps, affine",
        ),
        ({"experiments": {"adapt": ["batch_statistics"]}}, "must contain none"),
        (
            {"experiments": {"adapt": ["none", "tent"], "norm": ["group"]}},
            "experiments.adapt: tent needs batch in experiments.norm",
        ),
    ],
)
def test_impossible_studies_are_refused(refuse, values, message):
    refuse(values, message)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_shipped_studies_are_valid(path):
    config.parse_study(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize(
    ("values", "ingest"),
    [
        ({}, "refuse"),
        ({"harmonize": {"nonfinite": "refuse"}}, "refuse"),
        ({"harmonize": {"nonfinite": "ignore"}}, "ignore"),
        ({"harmonize": {"nonfinite": "ignore"}, "ingest": {"min_voxels": 9}}, "ignore"),
        (
            {"harmonize": {"nonfinite": "ignore"}, "ingest": {"nonfinite": "refuse"}},
            "refuse",
        ),
        ({"ingest": {"nonfinite": "ignore"}}, "ignore"),
    ],
)
def test_ingest_lets_pass_what_harmonize_takes(values, ingest):
    assert config.parse_study(values).ingest.nonfinite == ingest


def test_an_unknown_word_for_nonfinite_is_told_where_it_stands(refuse):
    refuse({"harmonize": {"nonfinite": "keep"}}, "harmonize.nonfinite: unknown name")
    refuse({"harmonize": 3}, "harmonize: ")
    refuse({"harmonize": {"nonfinite": "ignore"}, "ingest": 3}, "ingest: ")


def test_learning_rates_are_one_number_or_a_list():
    def rate_of(value):
        values = {
            "train": {"learning_rate": value},
            "split": {"validation_fraction": 0.2},
        }
        return config.parse_study(values).train.learning_rate

    assert rate_of(0.01) == rate_of([0.01]) == 0.01
    assert rate_of([0.01, 0.003]) == (0.003, 0.01)
    for value, message in [
        ([0.01, 0.01], r"train\.learning_rate: the list names the same rate twice"),
        ([0.01, 2], r"train\.learning_rate, entry 2: "),
        ([0.01, "a"], r"train\.learning_rate, entry 2: give a number"),
        ([], r"train\.learning_rate: "),
    ]:
        with pytest.raises(errors.ConfigError, match=message):
            rate_of(value)


def test_several_learning_rates_need_validation_subjects():
    with pytest.raises(errors.ConfigError, match=r"list needs split\.validation_fr"):
        config.parse_study(
            {
                "train": {"learning_rate": [0.01, 0.03]},
                "split": {"validation_fraction": 0},
            }
        )
