"""The share of the gap that a variant recovers."""

import pytest

from medinorm.files.tables import read_table

BATCH, GROUP = (("zscore", norm, "flip", "none") for norm in ("batch", "group"))


def table(comparison, unseen, known=0.9):
    """Batch has 0.5 on unseen domains, group `unseen`; both vary by scan and seed."""
    study = comparison()
    for variant, mean in ((BATCH, 0.5), (GROUP, unseen)):

        def dice(case, mean=mean):
            noise = (int(case.scan[-1]) + case.seed) % 3 * 0.01 - 0.01
            return (mean if case.split == f"lodo-{case.domain}" else known) + noise

        study.add(variant, dice)
    return read_table(study.compare(resamples=100) / "recovered.tsv")


@pytest.mark.parametrize(("unseen", "share"), [(0.7, 0.5), (0.9, 1.0), (0.4, -0.25)])
def test_the_share_is_that_of_the_reference_gap(comparison, unseen, share):
    (row,) = table(comparison, unseen)
    assert (row["norm"], row["reference_norm"]) == ("group", "batch")
    assert float(row["recovered"]) == pytest.approx(share)
    ends = float(row["recovered_low"]), float(row["recovered_high"])
    assert ends[0] <= share + 1e-9
    assert share - 1e-9 <= ends[1]
    assert ends[1] - ends[0] < 0.2
    assert float(row["reference_gap"]) == pytest.approx(0.4)
    assert row["note"] == ""


def test_a_gap_that_may_be_none_has_no_share(comparison):
    (row,) = table(comparison, 0.7, known=0.5)
    assert row["recovered"] == ""
    assert row["note"] == "the gap of the reference is not clearly above 0"


def test_without_pooled_networks_there_is_no_share(comparison):
    study = comparison()
    study.fill({"batch": 0.5, "group": 0.7}, designs=("lodo",))
    (row,) = read_table(study.compare(("lodo",), resamples=100) / "recovered.tsv")
    assert "the gap of the reference is not known" in row["note"]


def test_without_the_usual_norm_there_is_no_table(comparison):
    study = comparison()
    study.fill({"layer": 0.5, "group": 0.7})
    assert read_table(study.compare(resamples=100) / "recovered.tsv") == []
