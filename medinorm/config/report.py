"""What the report shows."""

from typing import Annotated

from pydantic import Field

from medinorm.config.section import Section


class ReportConfig(Section):
    """What the report shows."""

    worst_cases: Annotated[int, Field(ge=0, le=50)] = Field(
        default=6, description="Scans in the gallery of worst cases."
    )
