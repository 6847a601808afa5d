"""Every scan, file and score is counted, and what was left out has a reason."""

from dataclasses import replace

from medinorm.report.sections.record.data_card import write_data, write_excluded
from tests.report.page import words


def test_scans_and_scores_are_counted(fake_study):
    text = words(write_data.write(fake_study().inputs()))
    assert "19 candidate scans and series = 18 used + 1 left out" in text
    assert "37 more files belong to no scan or series" in text
    assert "in no list" not in text
    # 5 variants, 9 test scans, 3 labels, 3 seeds and for each scan 4 networks.
    assert "9 without a prediction (counted as Dice 0), 1,611 scored;" in text


def test_a_scan_in_no_state_is_an_alarm(fake_study):
    inputs = fake_study().inputs()
    scans = inputs.findings.scans
    lost = replace(scans[0], scan="sub-999_T1w")
    findings = replace(inputs.findings, scans=(*scans, lost))
    section = write_data.write(replace(inputs, findings=findings))
    assert '<b class="alarm">1 in no list</b>' in section


def test_reasons_are_listed(fake_study):
    text = words(write_excluded.write(fake_study().inputs()))
    assert text.startswith("1 constant image 37 files not DICOM 2 entries")


def test_nothing_left_out_is_said(fake_study):
    inputs = fake_study().inputs()
    inputs = replace(inputs, findings=replace(inputs.findings, excluded=()))
    assert words(write_excluded.write(inputs)) == "Nothing was left out."
