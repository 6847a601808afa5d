"""The whole comparison: its files, what they say, and what must not change them."""

import math
import subprocess
import sys

import pytest

from medinorm.config import EvidenceConfig
from medinorm.errors import DamagedError
from medinorm.evidence.stage import compare_variants
from medinorm.files.records import column_names
from medinorm.files.tables import read_table
from medinorm.records import beyond_means
from medinorm.records import evidence as records
from medinorm.records.calibration import CalibrationSummaryRow, RetentionRow
from medinorm.records.learning_rates import RateRow
from tests.evidence.planted import noisy

TABLES = {
    "cases": records.CaseRow,
    "failures": records.FailureRow,
    "calibration": CalibrationSummaryRow,
    "error_retention": RetentionRow,
    "drift": beyond_means.FeatureDriftRow,
    "probe": beyond_means.DomainProbeRow,
    "domains": records.DomainRow,
    "gaps": records.GapRow,
    "summary": records.SummaryRow,
    "differences": records.DifferenceRow,
    "effects": records.EffectRow,
    "ranking": records.RankingRow,
    "fairness": records.FairnessRow,
    "curves": records.CurveRow,
    "learning_rates": RateRow,
    "unseen_domains": beyond_means.UnseenDomainRow,
    "worst_domains": beyond_means.WorstDomainRow,
    "unseen_labels": beyond_means.UnseenLabelRow,
    "ranks": beyond_means.RankRow,
    "rank_probabilities": beyond_means.RankProbabilityRow,
    "rank_agreement": beyond_means.RankAgreementRow,
    "components": beyond_means.ComponentRow,
    "recovered": beyond_means.RecoveredRow,
    "networks": records.NetworkRow,
}


def test_every_table_is_there_with_its_columns(study):
    evidence = study.compare()
    assert {path.name for path in evidence.glob("[!.]*")} == {
        "verdict.json",
        "cases.parquet",
        *(f"{name}.tsv" for name in TABLES),
    }
    for name, expected in TABLES.items():
        header, *_ = (evidence / f"{name}.tsv").read_text().splitlines()
        assert tuple(header.split("\t")) == column_names(expected)
        rows = read_table(evidence / f"{name}.tsv")
        assert rows or name in {
            "calibration",
            "error_retention",
            "curves",
            "drift",
            "probe",
            "learning_rates",
        }  # its runs have none here
        assert "nan" not in {cell for row in rows for cell in row.values()}
    assert len(read_table(evidence / "cases.tsv")) == len(study.rows)


def test_a_variant_without_all_seeds_is_left_out_of_the_ranking(study, read_json):
    study.rows = [
        row for row in study.rows if row["norm"] != "instance" or row["seed"] < 2
    ]
    evidence = study.compare()
    ranked = [row["norm"] for row in read_table(evidence / "ranking.tsv")]
    assert ranked == ["group", "layer", "batch"]
    said = " ".join(read_json(evidence / "verdict.json")["sentences"])
    assert "1 variant with incomplete results had no rank" in said


def test_a_variant_without_a_domain_has_no_mean_over_domains(study):
    study.rows = [
        row for row in study.rows if row["norm"] != "layer" or row["split"] != "lodo-ge"
    ]
    rows = {row["norm"]: row for row in read_table(study.compare() / "summary.tsv")}
    assert rows["layer"]["out_domain"] == rows["layer"]["worst_domain"] == ""
    assert rows["layer"]["domains"] == "2"
    assert rows["group"]["out_domain"] != ""


def test_without_pooled_networks_the_gap_is_unknown(comparison, read_json):
    study = comparison()
    study.fill(designs=("lodo",))
    evidence = study.compare(("lodo",))
    row = read_table(evidence / "summary.tsv")[0]
    assert (row["in_domain"], row["gap"]) == ("", "")
    assert row["out_domain"] != ""
    verdict = read_json(evidence / "verdict.json")
    assert verdict["ranked"]
    assert any("pooled design was not run" in text for text in verdict["sentences"])


def test_the_order_of_rows_changes_nothing(study):
    first = {path.name: path.read_bytes() for path in study.compare().iterdir()}
    study.rows.reverse()
    second = {path.name: path.read_bytes() for path in study.compare().iterdir()}
    assert first == second


def test_columns_give_what_text_gives(study):
    """But for the last digits: text has nine."""
    for row in study.rows:
        row |= {name: round(row[name], 6) for name in ("dice", "nsd", "hd95")}
    text = {path.name: path.read_bytes() for path in study.compare().iterdir()}
    columns = study.compare(columns=True)
    assert {path.name: path.read_bytes() for path in columns.iterdir()} == text


def test_a_damaged_table_of_scores_is_one_line(study):
    study.compare(columns=True)
    table = study.folder / "scores.parquet"
    table.write_bytes(table.read_bytes()[:-50])
    splits, runs = study.folder / "splits.tsv", study.folder / "runs"
    with pytest.raises(DamagedError, match=r"^scores\.parquet was changed since"):
        compare_variants([table], splits, runs, runs, settings=EvidenceConfig())


def test_another_bootstrap_seed_changes_chances_and_no_interval(comparison):
    study = comparison()
    for place, norm in enumerate(("batch", "group")):
        study.add(("zscore", norm, "flip", "none"), noisy(0.8, place))

    def read(seed):
        evidence = study.compare(seed=seed)
        interval = read_table(evidence / "summary.tsv")[0]["out_domain_low"]
        return interval, read_table(evidence / "ranking.tsv")[0]["probability_best"]

    one, other = read(0), read(1)
    assert one[0] == other[0]
    assert 0 < abs(float(one[1]) - float(other[1])) < 0.15


def test_folds_are_parts_of_one_training_set(study, tmp_path):
    """Test subjects in two folds give the means of the same subjects in one."""
    whole = read_table(study.compare() / "summary.tsv")
    second = {scan for scan in study.scans if int(scan[-1]) % 2}
    for row in study.rows:
        row["split"] += f"_fold-{int(row['scan'] in second)}"
    plain = study.all_splits

    def folded(designs):
        for fold in (0, 1):
            for design, split, training in plain(designs):
                yield design, f"{split}_fold-{fold}", training

    study.all_splits = folded
    study.fold_of = lambda split: int(split[-1])
    folds = read_table(study.compare() / "summary.tsv")
    for one, other in zip(whole, folds, strict=True):
        assert one == other
    names = {row["train_set"] for row in read_table(tmp_path / "evidence/domains.tsv")}
    assert names == {"pooled", "lodo-ge", "lodo-philips", "lodo-siemens"}


def test_intervals_narrow_with_more_subjects(comparison):
    def width(count):
        study = comparison({"ge": count, "philips": count})
        study.fill({"batch": 0.5})
        row = read_table(study.compare() / "summary.tsv")[0]
        return float(row["out_domain_high"]) - float(row["out_domain_low"])

    assert width(32) < 0.7 * width(4)


def test_comparing_needs_neither_torch_nor_monai():
    code = (
        "import sys, medinorm.evidence.stage\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'monai', 'nibabel')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_twenty_variants_take_seconds(comparison, cpu_limit):
    study = comparison({"ge": 33, "philips": 33, "siemens": 34}, range(5))
    means = {f"n{number}": 0.5 + 0.01 * number for number in range(20)}
    study.fill(means)
    with cpu_limit(10):  # 80,000 scores of ten metrics; about 4 on a quiet machine
        evidence = study.compare(resamples=2000, columns=True)
    assert len(read_table(evidence / "ranking.tsv")) == 20
    assert math.isclose(
        sum(float(r["probability_best"]) for r in read_table(evidence / "ranking.tsv")),
        1,
        abs_tol=1e-6,
    )
