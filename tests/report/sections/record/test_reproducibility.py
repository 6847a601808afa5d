"""The page tells what was recorded, the same each time, and nothing of its own."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.errors import StageError
from medinorm.records.environment import Environment, write_environment
from medinorm.report.sections.record.reproducibility import (
    list_facts,
    show_configuration,
    write_reproducibility,
)
from tests.report.page import words

ENVIRONMENT = Environment(
    date="2026-01-02T03:04:05+00:00",
    version="0.1.0",
    commit="abc",
    software={"torch": "2.11"},
    system="Linux",
    processor="A CPU",
    cores=2,
    memory_gib=7.5,
    cards=("A card",),
    configuration={"shards": 2},
    configuration_hash="ff",
)


def write(study, environment=ENVIRONMENT):
    write_environment(study.root / "evidence" / "environment.json", environment)
    return write_reproducibility.write(study.inputs())


def test_what_is_recorded_is_shown(fake_study):
    study = fake_study(subjects=2)
    text = words(write(study))
    for fact in ("2026-01-02", "abc", "torch 2.11", "A card", "7.5 GiB", "0, 1, 2"):
        assert fact in text
    assert "snakemake --cores all --configfile study.json" in text
    assert write_reproducibility.write(study.inputs()) == write(study)


def test_what_is_not_known_is_left_out():
    unknown = replace(ENVIRONMENT, commit=None, memory_gib=None, cores=None, cards=())
    facts = dict(list_facts(unknown))
    assert "Commit" not in facts
    assert facts["Processor"] == "A CPU"
    assert facts["Graphics card"] == "none"


def test_a_study_without_a_record_has_a_note(fake_study):
    text = words(write_reproducibility.write(fake_study(subjects=2).inputs()))
    assert text.startswith("Software and machine were not recorded")


def test_a_damaged_record_is_refused(fake_study):
    study = fake_study(subjects=2)
    (study.root / "evidence" / "environment.json").write_text('{"date": 1}')
    with pytest.raises(StageError, match=r"environment\.json: damaged"):
        write_reproducibility.write(study.inputs())


TEXT = st.text([*"ab[]{}, \n", "\\", '"'])
VALUES = st.recursive(
    st.none() | st.integers() | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)


@given(st.dictionaries(TEXT, VALUES))
def test_a_shown_configuration_is_the_configuration(configuration):
    assert json.loads(show_configuration(configuration)) == configuration


def test_hostile_values_are_text(fake_study):
    hostile = "</code></pre><script>alert(1)</script>"
    environment = replace(
        ENVIRONMENT, processor=hostile, configuration={hostile: hostile}
    )
    section = write(fake_study(subjects=2), environment)
    assert "<script>" not in section
    assert section.count("&lt;script&gt;") == 3
