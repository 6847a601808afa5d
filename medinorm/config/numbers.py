"""Numbers and words of the configuration, with their limits."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

Millimetres = Annotated[float, Field(gt=0, le=100)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Rate = Annotated[float, Field(gt=0, le=1)]
Word = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]

# Three values along R, A and S.
Spacing = tuple[Millimetres, Millimetres, Millimetres]
Size = tuple[Count, Count, Count]

Auto = Literal["auto"]
AUTO: Auto = "auto"
CHOSEN = "chosen"  # tag of a value that is not `auto`
SEVERAL = "several"  # tag of a list where one number could stand

T = TypeVar("T")


def _kind(value: Any) -> str:
    """Which of both a value is, so that a complaint speaks of that one only."""
    return AUTO if value == AUTO else CHOSEN


Plannable = Annotated[
    Annotated[T, Tag(CHOSEN)] | Annotated[Auto, Tag(AUTO)], Discriminator(_kind)
]
"""A value, or `auto`: the training plan decides."""


def _unwrap(value: Any) -> Any:
    """A list of one number as that number: flags cannot tell both apart."""
    alone = isinstance(value, list | tuple) and len(value) == 1
    return value[0] if alone else value


def _number_of(value: Any) -> str:
    """Whether a value is one number or several."""
    return SEVERAL if isinstance(value, list | tuple) else CHOSEN


def _sort_distinct(rates: tuple[float, ...]) -> tuple[float, ...]:
    """The rates in their order, which changes nothing."""
    if len(set(rates)) < len(rates):
        raise ValueError("the list names the same rate twice; remove one")
    return tuple(sorted(rates))


Rates = Annotated[
    Annotated[
        tuple[Rate, ...],
        Field(min_length=2),
        AfterValidator(_sort_distinct),
        Tag(SEVERAL),
    ]
    | Annotated[Rate, Tag(CHOSEN)],
    Discriminator(_number_of),
    BeforeValidator(_unwrap),
]
"""One learning rate, or those that are compared, smallest first."""
