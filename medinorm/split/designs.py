"""The designs of a split: which domains train, while all of them test."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from medinorm.files.names import name_files

TrainingDomains = tuple[str, frozenset[str]]
Choose = Callable[[Sequence[str]], Iterator[TrainingDomains]]


@dataclass(frozen=True)
class Design:
    """A way to choose training domains.

    Args:
        text: what it is, in the words of a paper.
        domains: the smallest number of domains that it needs.
        shown: a training set in words; ``{trained}`` stands for its domains,
            ``{others}`` for those left out.
        missing: what the report says if the design was not run; may be empty.
        choose: takes the names of all domains in order, and yields name and domains of
            each training set.
    """

    text: str
    domains: int
    shown: str
    missing: str
    choose: Choose


_DECLARED: dict[str, Design] = {}

DESIGNS: Mapping[str, Design] = MappingProxyType(_DECLARED)
"""The designs by name; the report shows their training sets in this order."""


def design(
    name: str, text: str, *, domains: int, shown: str, missing: str = ""
) -> Callable[[Choose], Choose]:
    """Declare the function below as a design, see `Design`.

    The arguments must be literals: configuration and report read them from the text of
    this file.
    """

    def declare(choose: Choose) -> Choose:
        _DECLARED[name] = Design(text, domains, shown, missing, choose)
        return choose

    return declare


@design(
    "pooled",
    "pooled (trained on all domains)",
    domains=1,
    shown="all domains",
    missing="The pooled design was not run: there is no in-domain reference and no "
    "gap.",
)
def _choose_all(names: Sequence[str]) -> Iterator[TrainingDomains]:
    yield "pooled", frozenset(names)


@design(
    "lodo",
    "leave one domain out (trained on all domains but one, tested on all)",
    domains=2,
    shown="all but {others}",
    missing="Leave one domain out was not run.",
)
def _choose_all_but_one(names: Sequence[str]) -> Iterator[TrainingDomains]:
    for name, file_name in name_files(names).items():
        yield f"lodo-{file_name}", frozenset(names) - {name}


@design(
    "single",
    "single source (trained on one domain, tested on all)",
    domains=2,
    shown="only {trained}",
    missing="Single-source training was not run: rows show the designs of this study "
    "only.",
)
def _choose_one(names: Sequence[str]) -> Iterator[TrainingDomains]:
    for name, file_name in name_files(names).items():
        yield f"single-{file_name}", frozenset({name})
