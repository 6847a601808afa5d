import re
from pathlib import Path

import pytest

import medinorm.workflow
from medinorm.jobs.needs import NEEDS, ask_for

FOLDER = Path(medinorm.workflow.__file__).parent
RULE = re.compile(r"^(?:rule|checkpoint) (\w+):$", re.MULTILINE)
LOCAL = {"strict", "all"}  # no job of a cluster


def bodies():
    """The text of each rule."""
    for path in sorted(FOLDER.glob("*.smk")):
        _, *rules = RULE.split(path.read_text())
        yield from zip(rules[::2], rules[1::2], strict=True)


def test_each_rule_asks_for_its_own_needs():
    asking = {
        name: re.findall(r"(?:ask_for|training\.needs)\(\"(\w+)\"\)", body)
        for name, body in bodies()
        if name not in LOCAL
    }
    assert asking == {name: [name] for name in NEEDS}


@pytest.mark.parametrize("rule", NEEDS)
def test_a_further_attempt_asks_for_more(rule):
    asked = ask_for(rule)
    for need in asked.values():
        first, second = (need(None, attempt=number) for number in (1, 2))
        assert second == 2 * first > 0


def test_what_the_study_says_counts_if_it_is_more():
    assert ask_for("train", memory=99000.5)["mem_mb"](None, attempt=1) == 99001
    need = NEEDS["train"]
    assert ask_for("train", memory=1)["mem_mb"](None, attempt=1) == need.memory
