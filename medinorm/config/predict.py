"""How a network is applied to a whole scan."""

from typing import Literal

from pydantic import Field

from medinorm.config.numbers import Count, Fraction
from medinorm.config.section import Section


class PredictConfig(Section):
    """How a network is applied to a whole scan."""

    overlap: Fraction = Field(
        default=0.25, description="Overlap of neighbouring tiles, as a part of a tile."
    )
    tiles: Count = Field(
        default=4, description="Tiles that the network processes at once."
    )
    statistics: Literal["tiles", "strided", "exact"] = Field(
        default="tiles",
        description="Tiles that `thumbnail_instance` measures: few, thinned or all.",
    )
    calibration: bool = Field(
        default=True,
        description="Keep how sure a network was of each voxel, in one byte: for the "
        "calibration error.",
    )
    mirror: bool = Field(
        default=False,
        description="Average over mirrored scans, along the axes of the mirrors in "
        "training: twice the time for each axis.",
    )
    mechanism: bool = Field(
        default=True,
        description="Measure what the norms do inside of the networks: in one patch of "
        "each test scan, of 20 on a domain.",
    )
