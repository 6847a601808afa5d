"""How a prediction is compared with its label map."""

from pydantic import Field

from medinorm.choices import SurfaceName
from medinorm.config.numbers import Millimetres, Share
from medinorm.config.section import Section

FAILURE_DICE = 0.5


class MeasureConfig(Section):
    """How a prediction is compared with its label map."""

    tolerance: Millimetres = Field(
        default=2.0, description="Tolerance of the normalized surface Dice, in mm."
    )
    surface: SurfaceName = Field(
        default="area",
        description="What of a surface counts for the normalized surface Dice: its "
        "`area`, or each `voxel` as one, as in MONAI. HD95 is always of voxels.",
    )
    lesions: tuple[str, ...] = Field(
        default=(),
        description="Names of labels that are lesions: their connected pieces are "
        "counted one by one (found, missed, false).",
    )


class ScoreConfig(MeasureConfig):
    """How a prediction is compared with its label map, and when it has failed."""

    failure: Share = Field(
        default=FAILURE_DICE,
        description="A prediction with a Dice below this has failed, like one that is "
        "missing, misses a structure or has one that is not there. 0: a low Dice "
        "alone is no failure.",
    )

    @property
    def measured(self) -> MeasureConfig:
        """The settings that scores depend on."""
        names = MeasureConfig.model_fields
        return MeasureConfig(**{name: getattr(self, name) for name in names})
