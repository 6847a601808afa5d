"""Rules for DICOM series, and what an export keeps."""

from typing import get_args

from medinorm.config import ExportConfig, GeometryConfig, PlaneName, SelectRule


def test_an_expression_that_cannot_be_read_is_refused_and_not_repeated(refuse):
    rule = {"description": "smith("}
    text = refuse({"ingest": {"select": [rule]}}, "description is no regular")
    assert "smith" not in text


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
