"""How networks are tested, scored, compared and reported."""

from typing import Annotated, Literal

from pydantic import Field

from medinorm.config.numbers import Count, Fraction, Millimetres, Seed
from medinorm.config.section import Section


class PredictConfig(Section):
    """How a network is applied to a whole scan."""

    overlap: Fraction = Field(
        default=0.25, description="Overlap of neighbouring tiles, as a part of a tile."
    )
    tiles: Count = Field(default=4, description="Tiles that go through at once.")
    statistics: Literal["tiles", "strided", "exact"] = Field(
        default="tiles",
        description="Tiles that `thumbnail_instance` measures: few, thinned or all.",
    )


class ScoreConfig(Section):
    """How a prediction is compared with its label map."""

    tolerance: Millimetres = Field(
        default=2.0, description="Tolerance of the normalized surface Dice, in mm."
    )


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


class ReportConfig(Section):
    """What the report shows."""

    worst_cases: Annotated[int, Field(ge=0, le=50)] = Field(
        default=6, description="Scans in the gallery of worst cases."
    )
