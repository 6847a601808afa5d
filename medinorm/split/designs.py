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
            ``{others}`` for those left out, ``{tested}`` for those it is tested on.
        missing: what the report says if the design was not run; may be empty.
        sized_as: another design with as many training sets, in the same order: each
            set here has as many scans as the one there, and tests on the domains that
            one leaves out; may be empty.
        choose: takes the names of all domains in order, and yields name and domains of
            each training set.
    """

    text: str
    domains: int
    shown: str
    missing: str
    sized_as: str
    choose: Choose


_DECLARED: dict[str, Design] = {}

DESIGNS: Mapping[str, Design] = MappingProxyType(_DECLARED)
"""The designs by name; the report shows their training sets in this order."""


def design(
    name: str,
    text: str,
    *,
    domains: int,
    shown: str,
    missing: str = "",
    sized_as: str = "",
) -> Callable[[Choose], Choose]:
    """Declare the function below as a design, see `Design`.

    The arguments must be literals: configuration and report read them from the text of
    this file.
    """

    def declare(choose: Choose) -> Choose:
        _DECLARED[name] = Design(text, domains, shown, missing, sized_as, choose)
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
    "size_matched",
    "size-matched pooled (trained on all domains, on as many scans as the network that "
    "leaves out the domain it is tested on)",
    domains=2,
    shown="for {tested}: all, size-matched",
    sized_as="lodo",
)
def _choose_all_for_each(names: Sequence[str]) -> Iterator[TrainingDomains]:
    for file_name in name_files(names).values():
        yield f"size_matched-{file_name}", frozenset(names)


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
