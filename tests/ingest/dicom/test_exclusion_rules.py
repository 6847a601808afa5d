"""Rules against DICOM objects: each gives its reason, and one entry is enough."""

import pytest
from pydicom.datadict import tag_for_keyword

from medinorm.ingest.dicom import exclusion_rules
from medinorm.ingest.dicom.burned_in import BURNED_IN_RULES
from medinorm.ingest.dicom.exclusion_rules import (
    EXCLUSION_RULES,
    ExclusionRule,
    contents_of,
    first_reason,
    reason_against,
)
from medinorm.ingest.dicom.object_classes import IMAGES

MR = "1.2.840.10008.5.1.4.1.1.4"
STORAGE = "1.2.840.10008.5.1.4.1.1"


def values_of(sop_class=MR, *image_type):
    return {"SOPClassUID": sop_class, "ImageType": "\\".join(image_type)}


@pytest.mark.parametrize(
    ("sop_class", "reason"),
    [
        ("1.2.840.10008.1.3.10", "an index of files (DICOMDIR)"),
        (f"{STORAGE}.4.2", "spectroscopy, not a volume"),
        (
            f"{STORAGE}.7",
            "a secondary capture: a screenshot or an image made by a program",
        ),
        (
            f"{STORAGE}.7.4",
            "a secondary capture: a screenshot or an image made by a program",
        ),
        (f"{STORAGE}.11.1", "a presentation state, not a volume"),
        (f"{STORAGE}.66", "raw data or a registration, not a volume"),
        (f"{STORAGE}.88.33", "a report, not a volume"),
        (f"{STORAGE}.104.1", "a document, not a volume"),
        (f"{STORAGE}.481.2", "a radiotherapy object, not a volume"),
        (f"{STORAGE}.70", "not an MR, CT or PET image"),  # no class below `.7`
        ("", "not an MR, CT or PET image"),
    ],
)
def test_a_class_that_holds_no_scan_has_its_reason(sop_class, reason):
    assert reason_against(values_of(sop_class)) == reason


@pytest.mark.parametrize("sop_class", sorted(IMAGES))
def test_images_may_be_scans(sop_class):
    assert reason_against(values_of(sop_class, "ORIGINAL", "PRIMARY", "M")) == ""


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("LOCALIZER", "a localizer"),
        (" adc ", "a derived map or projection"),
        ("DOSE_INFO", "a dose or protocol page"),
        ("P", "phase, real or imaginary part, not magnitude"),
    ],
)
def test_an_image_type_counts_from_its_third_value_on(value, reason):
    assert reason_against(values_of(MR, "DERIVED", "PRIMARY", value)) == reason
    assert reason_against(values_of(MR, value, value)) == ""


def test_the_class_is_a_stronger_reason_than_the_image_type():
    capture = values_of(f"{STORAGE}.7", "DERIVED", "SECONDARY", "MIP")
    assert reason_against(capture).startswith("a secondary capture")


def test_contents_are_those_that_rules_and_dixon_images_name():
    parts = ["MIP", "FAT", "NORM", "WATER", "PHASE"]
    assert contents_of(parts) == {"WATER", "PHASE"}


@pytest.mark.parametrize("rule", [*EXCLUSION_RULES, *BURNED_IN_RULES])
def test_a_rule_reads_only_the_keywords_that_it_names(rule):
    class Recorder(dict):
        def get(self, key, default=None):
            asked.add(key)
            return default

    asked = set()
    rule.applies(Recorder())
    assert asked <= set(rule.keywords)
    assert all(tag_for_keyword(keyword) for keyword in rule.keywords)


def test_a_new_rule_is_one_entry(fake, tmp_path, ingest, monkeypatch):
    """Plan and account give its reason; nothing else had to be changed."""
    rule = ExclusionRule(
        "a pilot scan of the physicist",
        lambda values: "pilot" in values.get("SeriesDescription", ""),
        ["SeriesDescription"],
    )
    rules = (*EXCLUSION_RULES, rule)
    monkeypatch.setattr(exclusion_rules, "EXCLUSION_RULES", rules)
    rows = []
    for name in ("pilot", "brain"):
        header = {"SeriesDescription": f"{name} t1", "PatientID": name}
        series = fake.Series(fake.ramp(), header=header)
        fake.save(series.datasets(), tmp_path / "dicom" / name)
        label = tmp_path / f"{name}.nii.gz"
        fake.nifti(label, fake.blocks(series.array.shape), series.affine)
        rows.append({"series_uid": series.uid, "label": label.name})
    table = fake.table(tmp_path / "labels.tsv", rows)
    out = ingest(dicom=(tmp_path / "dicom",), labels=table)
    assert len(out.scans) == 1
    reasons = {
        row["path"].split("/")[-2]: row["reason"]
        for row in out.files
        if row["path"].endswith(".dcm")
    }
    assert reasons == {"pilot": rule.reason, "brain": ""}


def test_the_first_rule_that_applies_gives_the_reason():
    always = [ExclusionRule(name, lambda _: True, []) for name in "ab"]
    assert first_reason(always, {}) == "a"
    assert first_reason([], {}) == ""


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (values_of(MR, "ORIGINAL", "PRIMARY", "EPI", "VFRAME"), "(VFRAME)"),
        (values_of(MR, "ORIGINAL", "PRIMARY", "vframe"), "United Imaging"),
        (values_of("1.3.12.2.1107.5.9.1"), "a private format of its maker"),
        (values_of("1.2.840.113619.4.30"), "a private format of its maker"),
    ],
)
def test_private_formats_are_named(values, reason):
    assert reason in reason_against(values)
