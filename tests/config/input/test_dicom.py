"""Rules for DICOM series, and what an export keeps."""

from typing import get_args

import pytest

from medinorm.config import (
    ExportConfig,
    GeometryConfig,
    PlaneName,
    SelectRule,
    parse_study,
)

PACS = {"url": "https://pacs.example", "query": "query.tsv"}


def test_an_expression_that_cannot_be_read_is_refused_and_not_repeated(refuse):
    rule = {"description": "smith("}
    text = refuse({"ingest": {"select": [rule]}}, "description is no regular")
    assert "smith" not in text


@pytest.mark.parametrize("source", [{"dicom": ["a"]}, {"pacs": PACS}])
@pytest.mark.parametrize(
    ("channels", "rules", "message"),
    [
        (["t1", "t2"], [], "no rule has channel: t1; add one"),
        (["t1", "t2"], [{"channel": "t1"}], "no rule has channel: t2; add one"),
        (
            ["t1", "t2"],
            [{"channel": "t1"}, {"channel": "t2"}, {"modality": ["MR"]}],
            "a rule has no channel",
        ),
        (["t1"], [{"channel": "t2"}], "input.channels does not have t2; it has t1"),
        (["t1"], [{"channel": "t 2"}], "ingest.select, entry 1.channel"),
    ],
)
def test_rules_say_which_series_are_which_channel(
    refuse, source, channels, rules, message
):
    values = {"channels": channels, **source}
    refuse({"input": values, "ingest": {"select": rules}}, message)


def test_a_single_channel_needs_no_rule_and_may_have_one():
    for rules in ([], [{"description": "t1"}], [{"channel": "t1"}]):
        values = {"input": {"dicom": ["a"], "channels": ["t1"]}}
        assert parse_study({**values, "ingest": {"select": rules}})


def test_tables_and_bids_name_their_channels_themselves():
    assert parse_study({"input": {"bids": "a", "channels": ["t1", "t2"]}})


def test_uneven_slices_are_left_out_unless_asked(refuse):
    assert set(GeometryConfig().model_dump().values()) == {"quarantine"}
    refuse({"ingest": {"geometry": {"tilt": "keep"}}}, "geometry.tilt: .*resample")


def test_an_export_keeps_nothing_unless_asked():
    kept = ExportConfig()
    assert kept.dates == "remove"
    assert not kept.characteristics
    assert not kept.devices


def test_planes_of_a_rule_are_those_of_the_geometry():
    assert get_args(PlaneName) == ("axial", "coronal", "sagittal")
    assert SelectRule(orientation=("axial",)).orientation == ("axial",)
