"""Tables for MultiQC have a sample a variant, and names that are text."""

import json

from medinorm.report.documents.multiqc import DOMAINS, VARIANTS, write_multiqc


def test_each_variant_is_a_sample(fake_study, tmp_path):
    study = fake_study(subjects=2)
    write_multiqc(tmp_path, study.findings())
    general = json.loads((tmp_path / VARIANTS).read_text())
    domains = json.loads((tmp_path / DOMAINS).read_text())
    assert general["plot_type"] == "generalstats"
    assert general["data"].keys() == domains["data"].keys()
    assert len(general["data"]) == len(study.variants)
    cells = domains["data"]["zscore + instance"]
    assert set(cells) == set(domains["headers"]) == set(study.scanners)
    assert 0 < general["data"]["zscore + instance"]["out_domain"] < 1


def test_hostile_names_are_text(fake_study, tmp_path):
    hostile = "<script>alert(1)</script>"
    study = fake_study(subjects=2, scanners=(hostile, "b"))
    write_multiqc(tmp_path, study.findings())
    assert "<script" not in (tmp_path / DOMAINS).read_text()
