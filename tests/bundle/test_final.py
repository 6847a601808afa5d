"""Networks that trained on all scans are taken where they are, and the card says so."""

import shutil
from pathlib import Path

import pytest

from medinorm.bundle.contents import read_bundle
from medinorm.bundle.model_card import CARD
from medinorm.bundle.records import choose_variant
from medinorm.bundle.stage import write_bundle
from medinorm.config import SplitConfig
from medinorm.layout import Layout, split_runs
from medinorm.records.scans import FINAL
from medinorm.split.final import write_final_split
from tests.bundle.finished_study import VARIANT


@pytest.fixture(scope="module")
def layout(made_bundle, tmp_path_factory):
    """The study with a final split; its networks stand for those of all scans."""
    results = tmp_path_factory.mktemp("final") / "results"
    shutil.copytree(made_bundle[0].results, results)
    layout = Layout(str(results), str(results.with_name("private")))
    splits, final = Path(layout.splits), Path(layout.final_split)
    write_final_split(splits, final, settings=SplitConfig(folds=2))
    runs = split_runs(Path(layout.runs_root), VARIANT, "pooled")
    shutil.copytree(runs, runs.with_name(FINAL))
    maps = results / "maps" / "nyul"
    shutil.copy(maps / "pooled.json", maps / "final.json")
    shutil.copytree(
        results / "harmonized/nyul/pooled", results / "harmonized/nyul/final"
    )
    return layout


def test_they_come_before_those_of_other_splits(layout):
    chosen = choose_variant(Path(layout.results), None, None)
    assert (chosen.name, chosen.final) == (FINAL, True)
    assert {row.role for row in chosen.split} == {"train"}
    assert len(chosen.split) == 8
    assert chosen.harmonized.name == FINAL
    assert chosen.fitted.name == "final.json"
    assert chosen.predict().overlap == 0.5  # of the study's own predictions
    pooled = choose_variant(Path(layout.results), None, "pooled")
    assert (pooled.name, pooled.final) == ("pooled", False)


def test_a_table_without_networks_is_nothing(layout, made_bundle):
    results = Path(made_bundle[0].results)
    table = results / Path(layout.final_split).name
    shutil.copy(layout.final_split, table)
    try:
        assert choose_variant(results, None, None).name == "pooled"
    finally:
        table.unlink()


def test_the_card_says_that_they_were_never_tested(layout, made_bundle, tmp_path):
    write_bundle(Path(layout.results), tmp_path / "bundle")
    text = (tmp_path / "bundle" / CARD).read_text()
    assert "trained on all scans of the study and were never tested" in text
    assert "measured on those that left a domain out" in text
    assert "| Dice on domains never seen | 0.700 (0.600 to 0.800) |" in text
    assert "never tested" not in (made_bundle[1] / CARD).read_text()
    contents = read_bundle(tmp_path / "bundle")
    assert set(contents.reference.intensities.means) == {"a", "b"}
