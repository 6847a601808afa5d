"""What the report says to type is a command of medinorm."""

from medinorm.cli.signatures import REQUIRED, read_arguments
from medinorm.cli.stages import STAGES
from medinorm.report.sections.answers.commands import write_commands
from medinorm.variant import Variant


def test_the_commands_are_those_of_the_command_line():
    commands = write_commands(Variant("zscore", "instance", "flip", "none"))
    for line in commands.splitlines():
        program, stage, *rest = line.split()
        assert program == "medinorm"
        flags = {word[2:] for word in rest if word.startswith("--")}
        arguments = {one.name: one for one in read_arguments(STAGES[stage])}
        assert flags <= arguments.keys()
        required = {name for name, one in arguments.items() if one.default is REQUIRED}
        assert required - {"ingest"} <= flags
    assert "--variant zscore/instance/flip" in commands


def test_without_a_variant_the_reader_chooses():
    assert "--variant VARIANT" in write_commands(None)
