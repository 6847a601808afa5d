"""Numbers and words of the configuration, with their limits."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import Discriminator, Field, Tag

Millimetres = Annotated[float, Field(gt=0, le=100)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Word = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]

# Three values along R, A and S.
Spacing = tuple[Millimetres, Millimetres, Millimetres]
Size = tuple[Count, Count, Count]

Auto = Literal["auto"]
AUTO: Auto = "auto"
CHOSEN = "chosen"  # tag of a value that is not `auto`

T = TypeVar("T")


def _kind(value: Any) -> str:
    """Which of both a value is, so that a complaint speaks of that one only."""
    return AUTO if value == AUTO else CHOSEN


Plannable = Annotated[
    Annotated[T, Tag(CHOSEN)] | Annotated[Auto, Tag(AUTO)], Discriminator(_kind)
]
"""A value, or `auto`: the training plan decides."""
