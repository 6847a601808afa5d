"""How scans are brought to one voxel grid and one intensity scale."""

from typing import Self

from pydantic import Field, model_validator

from medinorm.choices import ForegroundName
from medinorm.config.numbers import Millimetres, Percent
from medinorm.sections import Section


class HarmonizeConfig(Section):
    """How scans are brought to one voxel grid and one intensity scale."""

    spacing: tuple[Millimetres, Millimetres, Millimetres] = Field(
        default=(1.0, 1.0, 1.0),
        description="Voxel spacing after resampling, in mm, along R, A and S.",
    )
    foreground: ForegroundName = Field(
        default="otsu",
        description="Voxels whose intensities are measured; the map applies to all.",
    )
    percentiles: tuple[Percent, Percent] = Field(
        default=(1.0, 99.0),
        description="For `percentile`: these go to 0 and 1; values beyond are clipped.",
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        low, high = self.percentiles
        if low >= high:
            raise ValueError("percentiles must rise: the first below the second")
        return self
