"""Norms and perturbations declare themselves, each in the file that holds it.

A decorator on the class holds the name in configurations, the sentence for the methods
text and what the layer needs. These are made from it:

- `NORMS` and `PERTURBATIONS` in `medinorm.layers.registry`,
- the networks built in training,
- the choices of the configuration (`medinorm.method_names` reads the same decorators
  without torch),
- the report and the tables of the documentation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeVar

from torch import nn

from medinorm.layers.conditions.network import Conditional, Keyword
from medinorm.layers.perturbations.perturbation import StylePerturbation
from medinorm.layers.statistics.torch_arguments import show_torch_arguments

StudyNumber = Literal["domains", "regions"]
"""Numbers that training knows: how many domains and how many regions it has."""


@dataclass(frozen=True)
class NormDeclaration:
    """What a norm or a perturbation declares.

    Args:
        name: its name in the configuration.
        text: what it does, as part of a sentence in a paper.
        needs: conditions that it must have.
        uses: conditions that it may lack, and that training gives it.
        from_study: options whose default in training is a number of the study.
        style_encoder: its network has a `StyleEncoder`.
        monai: its name in MONAI networks, if MONAI has another norm of this name.
        remark: what else a user should know, for the table of norms.
        behind: for a perturbation: the norm after which it is inserted.
    """

    name: str
    text: str
    needs: tuple[Keyword, ...] = ()
    uses: tuple[Keyword, ...] = ()
    from_study: Mapping[str, StudyNumber] = field(
        default_factory=lambda: MappingProxyType({})
    )
    style_encoder: bool = False
    monai: str = ""
    remark: str = ""
    behind: str = ""

    @property
    def conditions(self) -> tuple[Keyword, ...]:
        """The conditions that training and prediction give."""
        return (*self.needs, *self.uses)


DECLARED_NORMS: dict[type[nn.Module], NormDeclaration] = {}
"""By class, as their modules are imported; all in `medinorm.layers.registry`."""

DECLARED_PERTURBATIONS: dict[type[StylePerturbation], NormDeclaration] = {}
"""The same for perturbations."""

N = TypeVar("N", bound=type[nn.Module])
P = TypeVar("P", bound=type[StylePerturbation])


def norm(  # noqa: PLR0913  (one argument a fact)
    name: str,
    text: str,
    *,
    needs: tuple[Keyword, ...] = (),
    uses: tuple[Keyword, ...] = (),
    from_study: Mapping[str, StudyNumber] | None = None,
    style_encoder: bool = False,
    monai: str = "",
    remark: str = "",
) -> Callable[[N], N]:
    """Declare a class as a norm.

    The class takes `num_features`; every further argument has a default and is an
    option in the configuration. All arguments here are literals: they are also read
    from the text of the file.

    Args:
        name: its name in the configuration.
        text: what it does, as part of a sentence in a paper.
        needs: conditions that it must have.
        uses: conditions that it may lack, and that training gives it.
        from_study: options whose default in training is a number of the study.
        style_encoder: its network has a `StyleEncoder`.
        monai: its name in MONAI networks, if MONAI has another norm of this name.
        remark: what else a user should know, for the table of norms.

    Raises:
        TypeError: on a class that reads no condition although it needs one.
    """
    declaration = NormDeclaration(
        name=name,
        text=text,
        needs=needs,
        uses=uses,
        from_study=MappingProxyType(dict(from_study or {})),
        style_encoder=style_encoder,
        monai=monai,
        remark=remark,
    )

    def declare(kind: N) -> N:
        if issubclass(kind, Conditional):
            kind.needs = needs
        elif needs or uses:
            raise TypeError(f"{kind.__name__} has conditions: make it a Conditional")
        show_torch_arguments(kind)
        DECLARED_NORMS[kind] = declaration
        return kind

    return declare


def perturbation(name: str, text: str, *, behind: str) -> Callable[[P], P]:
    """Declare a class as a perturbation of styles.

    Args:
        name: its name in the configuration.
        text: what a network with it does, in the words of a paper.
        behind: the norm after which it is inserted.
    """

    def declare(kind: P) -> P:
        DECLARED_PERTURBATIONS[kind] = NormDeclaration(name, text, behind=behind)
        return kind

    return declare
