"""What a section of the report is, and which ones there are.

A section is one function in a file of `medinorm.report.sections` or of a folder in it,
declared by the decorator `section`. The page finds it there; nothing else has to be
edited.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType

from markupsafe import Markup

from medinorm.config import ReportConfig
from medinorm.records.scans import AccountRow, Scan
from medinorm.records.training_plan import TrainingPlan
from medinorm.report import sections
from medinorm.report.findings import ReportFindings
from medinorm.report.text.methods import StageSettings


@dataclass(frozen=True)
class ReportInputs:
    """Everything that a section may use.

    Args:
        title: of the study.
        findings: the tables.
        account: how many input files ended in which state.
        volumes: the usable scans by id.
        evidence: folder of the comparison's tables.
        predictions: folder of all predictions.
        harmonized: folder of all harmonized scans, if they are to be shown.
        settings: what the report shows.
        stages: settings of earlier stages, for the methods text.
        plan: the training plan, if the study has one.
        against: folder of the comparison's tables of another study, to be shown beside.
    """

    title: str
    findings: ReportFindings
    account: tuple[AccountRow, ...]
    volumes: Mapping[str, Scan]
    evidence: Path
    predictions: Path
    harmonized: Path | None
    settings: ReportConfig
    stages: StageSettings
    plan: TrainingPlan | None = None
    against: Path | None = None


WriteSection = Callable[[ReportInputs], Markup | None]


@dataclass(frozen=True)
class ReportSection:
    """One section of the report.

    Args:
        anchor: its address on the page.
        title: its entry in the table of contents.
        order: its place; lower comes first.
        heading: its heading on the page; empty for the head of the page.
        write: writes what follows the heading; ``None`` leaves the section out.
    """

    anchor: str
    title: str
    order: int
    heading: str
    write: WriteSection


@dataclass(frozen=True)
class Content:
    """A section as it is on the page of one study.

    Args:
        anchor: its address on the page.
        title: its entry in the table of contents.
        heading: its heading; empty for the head of the page.
        body: what follows the heading.
    """

    anchor: str
    title: str
    heading: str
    body: Markup


def section(
    anchor: str, title: str, *, order: int, heading: str | None = None
) -> Callable[[WriteSection], ReportSection]:
    """Declare a function as a section of the report.

    Title and heading may hold ``{one}`` and ``{many}``: the word of a domain of the
    study, such as scanner, and its plural.

    Args:
        anchor: its address on the page.
        title: its entry in the table of contents.
        order: its place; lower comes first. Leave gaps.
        heading: its heading, if that is not the title.

    Examples:
        >>> @section("notes", "Notes", order=999)
        ... def write_notes(inputs):
        ...     return Markup("<p>Nothing to add.</p>")
        >>> write_notes.anchor, write_notes.heading
        ('notes', 'Notes')
    """

    def declare(write: WriteSection) -> ReportSection:
        return ReportSection(
            anchor, title, order, title if heading is None else heading, write
        )

    return declare


def find_sections() -> list[ReportSection]:
    """All declared sections, in the order of the page.

    Raises:
        ValueError: two sections have the same anchor or the same place.
    """
    declared = sorted(
        (
            value
            for module in _modules()
            for value in vars(module).values()
            if isinstance(value, ReportSection)
        ),
        key=lambda one: one.order,
    )
    for name, values in (
        ("anchor", {one.anchor for one in declared}),
        ("order", {one.order for one in declared}),
    ):
        if len(values) < len(declared):
            raise ValueError(f"two sections have the same {name}")
    return declared


def _modules() -> Iterator[ModuleType]:
    """The files of the sections, in their folder and those below it."""
    for module in walk_packages(sections.__path__, f"{sections.__name__}."):
        yield import_module(module.name)


def write_sections(inputs: ReportInputs) -> list[Content]:
    """Write all sections of a study, without those that have nothing to show."""
    noun = inputs.findings.noun
    contents = []
    for one in find_sections():
        body = one.write(inputs)
        if body is not None:
            title, heading = (
                text.format(one=noun.one, many=noun.many)
                for text in (one.title, one.heading)
            )
            contents.append(Content(one.anchor, title, heading, body.strip()))
    return contents
