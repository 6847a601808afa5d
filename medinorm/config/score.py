"""How a prediction is compared with its label map."""

from pydantic import Field

from medinorm.config.numbers import Millimetres
from medinorm.config.section import Section


class ScoreConfig(Section):
    """How a prediction is compared with its label map."""

    tolerance: Millimetres = Field(
        default=2.0, description="Tolerance of the normalized surface Dice, in mm."
    )
