"""Each rule calls one stage, with the flags that the stage has."""

import re
from pathlib import Path

import pytest

import medinorm.workflow
from medinorm.cli.flags import flag_of
from medinorm.cli.hidden_flags import WORDS_FLAG
from medinorm.cli.signatures import REQUIRED, read_arguments
from medinorm.cli.stages import STAGES
from medinorm.config.section import Section

FOLDER = Path(medinorm.workflow.__file__).parent
RULE = re.compile(r"^(?:rule|checkpoint) (\w+):$", re.MULTILINE)
BY_HAND = {
    "init",
    "ingest",
    "export",
    "audit",
    "schema",
    "bundle",
    "segment",
}  # stages that no rule calls


def commands():
    """Name of each rule, and its shell command on one line."""
    for path in sorted(FOLDER.glob("*.smk")):
        rules = RULE.split(path.read_text())
        for name, body in zip(rules[1::2], rules[2::2], strict=True):
            shell = body.partition("shell:\n")[2]
            yield name, "".join(re.findall(r'^ *"(.*)"$', shell, re.MULTILINE))


RULES = dict(commands())


def rule_of(stage):
    """The name of a stage's rule: Snakemake takes no hyphen."""
    return stage.replace("-", "_")


STAGE_OF = {rule_of(stage): stage for stage in STAGES}


def is_section(kind):
    return isinstance(kind, type) and issubclass(kind, Section)


def test_each_stage_has_its_rule():
    assert set(RULES) == {rule_of(stage) for stage in STAGES.keys() - BY_HAND}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_calls_its_stage_with_flags_that_it_has(name):
    words = RULES[name].removeprefix("{params.launch}").split()  # several nodes
    assert words[:2] == ["medinorm", STAGE_OF[name]]
    given = {word for word in words if word.startswith("--")}
    arguments = [
        a for a in read_arguments(STAGES[STAGE_OF[name]]) if not is_section(a.kind)
    ]
    assert given <= {flag_of(a.name) for a in arguments}
    missing = {flag_of(a.name) for a in arguments if a.default is REQUIRED} - given
    # The settings hold the flags of sections and what only some jobs need.
    assert not missing
    assert WORDS_FLAG not in given


@pytest.mark.parametrize("name", RULES)
def test_a_flag_takes_the_value_of_its_name(name):
    for flag, kind, value in re.findall(r"--([\w-]+) \{(\w+)\.(\w+)", RULES[name]):
        assert flag.replace("-", "_") == value, f"--{flag} {{{kind}.{value}}}"
