"""What the report shows."""

from typing import Annotated

from pydantic import Field

from medinorm.config.section import Section


class ReportConfig(Section):
    """What the report shows."""

    worst_cases: Annotated[int, Field(ge=0, le=50)] = Field(
        default=6,
        description="Worst cases of the variants besides the best, of which each "
        "domain shows the worst and the median case. 0: no gallery.",
    )
