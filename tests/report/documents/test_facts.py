"""Facts are those of the tables; without a ranking there is no model."""

from medinorm.config import TrainConfig
from medinorm.report.documents.facts import gather_facts
from medinorm.report.text.methods import StageSettings


def test_facts_are_those_of_the_study(fake_study):
    study = fake_study(subjects=2)
    stages = StageSettings(train=TrainConfig(selection="validation"))
    facts = gather_facts(study.inputs(stages=stages))
    assert "6 scans of 6 subjects on 3 scanners" in facts["size"]
    assert "validation subjects" in facts["selection"]
    assert "Worst unseen scanner" in facts["limits"]
    assert "external" not in facts


def test_what_is_not_ranked_has_no_model(fake_study):
    facts = gather_facts(fake_study(subjects=2, ranked=False).inputs())
    assert facts["model"].startswith("No model of this study is ranked first")
    assert "availability" not in facts
