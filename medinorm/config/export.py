"""What may stay when DICOM files are exported as DICOM."""

from typing import Literal

from pydantic import Field

from medinorm.config.section import Section


class ExportConfig(Section):
    """What may stay in exported DICOM files; by default nothing that could tell."""

    dates: Literal["remove", "shift"] = Field(
        default="remove",
        description="`shift` moves all dates of a subject by the same number of days, "
        "which only the key can tell.",
    )
    characteristics: bool = Field(
        default=False,
        description="Keep sex, size, weight and age; 90 years and more become 90.",
    )
    devices: bool = Field(
        default=False,
        description="Keep device, station and institution as keyed pseudonyms.",
    )
