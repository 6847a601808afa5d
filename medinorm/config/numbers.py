"""Numbers and words of the configuration, with their limits."""

from typing import Annotated

from pydantic import Field

Millimetres = Annotated[float, Field(gt=0, le=100)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Word = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
