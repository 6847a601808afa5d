"""How scores become statements."""

from typing import Annotated

from pydantic import Field

from medinorm.config.numbers import Seed
from medinorm.config.section import Section


class EvidenceConfig(Section):
    """How scores become statements."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = Field(
        default=0.95, description="Level of all intervals."
    )
    resamples: Annotated[int, Field(ge=100)] = Field(
        default=2000, description="Bootstrap resamples."
    )
    equivalence: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.01, description="Differences in Dice within this are no difference."
    )
    seed: Seed = Field(default=0, description="Seed of the bootstrap.")
