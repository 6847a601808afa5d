"""A declared stage is the function that it was."""

from medinorm.cli.stages import STAGES
from medinorm.declarations import read_declarations
from medinorm.jobs.declare import stage


def test_nothing_is_done_to_the_function():
    def count(scans: str) -> str:
        return scans

    assert stage("count", after="split")(count) is count


def test_a_stage_says_what_it_does_by_its_docstring():
    declared = read_declarations("medinorm.split", "stage")["split"]
    assert declared.text.startswith("Write the role of each scan in each split")
    assert f"{declared.module}:{declared.target}" == STAGES["split"]
