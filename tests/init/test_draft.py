"""A drafted study is valid as it is, and with all its comments taken in."""

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
import yaml

from medinorm.config import parse_study
from medinorm.init.draft import Draft
from medinorm.records.training_plan import TrainingPlan
from medinorm.training_plan.estimate import StudyCost
from tests.records.test_training_plan import PLAN

REASONS = {f.name: "Long reason " * 20 for f in fields(TrainingPlan)}
COST = StudyCost(networks=48, jobs=60, hours=0.2, disk=1.26)


def draft(key="scans", domain="site", hours=0.2):
    plan = replace(PLAN, reasons=REASONS)
    cost = replace(COST, hours=hours)
    return Draft(key, Path('a "b"/c: d'), domain, plan, cost, read=5, scans=9, cores=2)


@pytest.mark.parametrize("key", ["scans", "bids", "dicom"])
@pytest.mark.parametrize("domain", ["site", ""])
def test_a_draft_is_a_study(key, domain):
    study = parse_study(yaml.safe_load(draft(key, domain).text))
    named = getattr(study.input, key)
    assert (named[0] if key == "dicom" else named) == Path('a "b"/c: d')
    assert study.split.domain == ((domain,) if domain else ("scanner",))
    assert study.train.patch == study.harmonize.spacing == "auto"


def test_the_comments_hold_the_plan():
    key = re.compile(r"^(  )# ((?:  )?\w+:.*)$", re.MULTILINE)
    lines = draft().text.replace("  spacing: auto\n", "").splitlines()
    text = "\n".join(key.sub(r"\1\2", line) for line in lines)
    study = parse_study(yaml.safe_load(text))
    assert study.harmonize.spacing == PLAN.spacing
    for name in ("patch", "batch_size", "steps", "foreground_ratio"):
        assert getattr(study.train, name) == getattr(PLAN, name)
    for name in ("channels", "strides", "kernels"):
        assert getattr(study.train.network, name) == getattr(PLAN, name)


def test_lines_are_short_enough_to_read():
    assert max(map(len, draft().text.splitlines())) <= 88


@pytest.mark.parametrize(
    ("hours", "words"), [(0.2, "12 minutes"), (7.04, "7.0 hours"), (72, "3 days")]
)
def test_the_summary_says_what_the_study_takes(hours, words):
    assert draft(hours=hours).summary() == (
        f"48 networks, 60 jobs, about {words} on 2 cores, about 1.3 GiB of disk"
    )
