"""The sources of what a study used, and their BibTeX.

They stand in `references.bib` beside this module. The field `medinorm` of an entry
names what it is the source of, such as ``norm:batch``; ``always``: of what every study
uses.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from medinorm.records.metrics import METRICS
from medinorm.report.findings import ReportFindings, distinct
from medinorm.report.text.methods import StageSettings

WITHOUT_SOURCE = frozenset(
    {
        *("norm:none", "adapt:none", "augmentation:none", "augmentation:flip"),
        *("augmentation:intensity", "intensity:none", "intensity:clip"),
        *("intensity:window", "intensity:percentile", "intensity:population"),
    }
)
"""Methods that are older than papers about them, or only name what is not done."""

_ENTRY = re.compile(r"^@\w+\{(\w+),\n(.*?)^\}\n", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^  (\w+) = \{(.*)\},\n", re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """One entry of the BibTeX file.

    Args:
        key: by which texts cite it.
        fields: of BibTeX, by name.
        text: the entry as BibTeX, without the field `medinorm`.
    """

    key: str
    fields: Mapping[str, str]
    text: str

    @property
    def uses(self) -> list[str]:
        """What it is the source of."""
        return self.fields["medinorm"].split()


@cache
def read_sources() -> Mapping[str, Source]:
    """All sources by key, in the order of the file."""
    text = (files("medinorm.report.text") / "references.bib").read_text("utf-8")
    sources = {}
    for match in _ENTRY.finditer(text):
        own = re.sub(r"^  medinorm = .*\n", "", match[0], flags=re.MULTILINE)
        sources[match[1]] = Source(match[1], dict(_FIELD.findall(match[2])), own)
    return sources


def list_used(findings: ReportFindings, settings: StageSettings) -> list[str]:
    """What a study used, as the sources name it."""
    axes = ("intensity", "norm", "augmentation", "adapt")
    used = [
        f"{axis}:{level}"
        for axis in axes
        for level in distinct(getattr(variant, axis) for variant in findings.variants)
    ]
    used += [f"metric:{name}" for name in METRICS]
    if train := settings.train:
        used += ["training", f"network:{train.network.name}"]
        used += [f"optimizer:{train.optimizer}", f"schedule:{train.schedule}"]
    if harmonize := settings.harmonize:
        used += [f"foreground:{harmonize.foreground}"]
        used += [f"bias_field:{harmonize.bias_field}"]
    return [*used, "always"]


def find_sources(used: Iterable[str]) -> list[Source]:
    """The sources of what was used, each once."""
    wanted = set(used)
    return [one for one in read_sources().values() if wanted.intersection(one.uses)]


def cite(used: Iterable[str]) -> Iterator[str]:
    """What was used with the keys of its sources, where it has some.

    Examples:
        >>> list(cite(["norm:batch", "norm:none"]))
        ['batch [@ioffe2015]']
    """
    for name in used:
        keys = [f"@{one.key}" for one in find_sources([name])]
        if keys and name not in {"always", "training"}:
            yield f"{name.partition(':')[2].replace('_', ' ')} [{'; '.join(keys)}]"


def write_bibtex(sources: Iterable[Source]) -> str:
    """The entries of sources, as BibTeX."""
    return "\n".join(source.text for source in sources)
