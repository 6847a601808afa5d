from dataclasses import replace

import pytest

from medinorm.config import AutoTrainConfig, BudgetConfig, TrainConfig
from medinorm.config.train import NetworkConfig
from medinorm.errors import StageError
from medinorm.files.records import read_records
from medinorm.layout import harmonized_paths
from medinorm.records.scans import SplitRow
from medinorm.records.training_plan import write_training_plan
from medinorm.train.experiment import Experiment
from medinorm.train.model import ModelCard
from medinorm.training_plan.resolve import resolve_train
from tests.records.test_training_plan import PLAN

SETTINGS = TrainConfig(patch=(8, 8, 8), steps=2, checkpoint_steps=1)
CARD = ModelCard(
    intensity="zscore",
    norm="instance",
    augmentation="flip",
    norm_options={},
    network=NetworkConfig(),
    channels=("image",),
    label_values=(1, 2),
    patch=(8, 8, 8),
    domains=(),
    shots=1,
)


def experiment(study, harmonized, split="lodo-a"):
    rows = read_records(study.splits, SplitRow)
    return Experiment.of_split(CARD, SETTINGS, rows, split, harmonized), rows


def test_the_card_has_the_domains_that_train(small_study, harmonized):
    made, rows = experiment(small_study, harmonized)
    assert made.card.domains == ("b",)
    assert set(made.training) == {
        row.scan for row in rows if (row.split, row.role) == ("lodo-a", "train")
    }
    assert made.domain_of == {
        row.scan: row.domain for row in rows if row.split == "lodo-a"
    }


def test_scans_that_were_not_harmonized_are_left_out(small_study, harmonized, caplog):
    made, _ = experiment(small_study, harmonized)
    harmonized_paths(harmonized, made.training[0])[0].unlink()
    fewer, _ = experiment(small_study, harmonized)
    assert fewer.training == made.training[1:]
    assert "1 scans could not be harmonized" in caplog.text
    for scan in fewer.training:
        harmonized_paths(harmonized, scan)[0].unlink()
    with pytest.raises(StageError, match="no training scan could be harmonized"):
        experiment(small_study, harmonized)


def test_provenance_follows_seed_and_settings(small_study, harmonized):
    made, _ = experiment(small_study, harmonized)
    assert made.provenance(0) == made.provenance(0)
    assert made.provenance(0) != made.provenance(1)
    often = replace(made, settings=SETTINGS.model_copy(update={"checkpoint_steps": 2}))
    assert often.provenance(0) == made.provenance(0)
    longer = replace(made, settings=SETTINGS.model_copy(update={"steps": 3}))
    assert longer.provenance(0) != made.provenance(0)


@pytest.mark.parametrize(("augmentation", "read"), [("style", True), ("flip", False)])
def test_a_corrected_domain_trains_again_where_training_uses_it(
    small_study, harmonized, augmentation, read
):
    made, _ = experiment(small_study, harmonized)
    made = replace(made, card=replace(made.card, augmentation=augmentation))
    corrected = replace(made, domain_of=dict.fromkeys(made.domain_of, "one"))
    assert (made.provenance(0) != corrected.provenance(0)) is read


def test_a_plan_with_the_same_numbers_makes_nothing_again(
    small_study, harmonized, tmp_path
):
    made, _ = experiment(small_study, harmonized)
    plan = tmp_path / "training_plan.json"
    numbers = {name: getattr(SETTINGS, name) for name in ("batch_size", "steps")}
    numbers["patch"] = (8, 8, 8)
    write_training_plan(plan, replace(PLAN, **numbers))
    open_settings = AutoTrainConfig(
        **SETTINGS.model_dump(exclude={*numbers, "network", "budget"}),
        network={"channels": (4, 8, 12)},
        budget=BudgetConfig(minutes=99),
    )
    planned = replace(made, settings=resolve_train(open_settings, plan))
    again = AutoTrainConfig(
        **open_settings.model_dump(exclude={"budget"}), budget=BudgetConfig(minutes=1)
    )
    other = replace(made, settings=resolve_train(again, plan))
    assert planned.provenance(0) == other.provenance(0)
    write_training_plan(plan, replace(PLAN, **(numbers | {"steps": 7})))
    other = replace(made, settings=resolve_train(again, plan))
    assert planned.provenance(0) != other.provenance(0)
