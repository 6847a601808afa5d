"""From which PACS scans are fetched, and which ones."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from medinorm.config.numbers import Count
from medinorm.config.section import Section

# What an AE title may be (PS3.5 6.2), a date (DA), and a port.
AeTitle = Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[ -\[\]-~]+$")]
Date = Annotated[str, Field(pattern=r"^\d{8}$")]
Port = Annotated[int, Field(ge=1, le=65535)]

Protocol = Literal["dicomweb", "c-get", "c-move"]


class PacsConfig(Section):
    """The PACS that `fetch` asks, and what it downloads. No password belongs here."""

    protocol: Protocol = Field(
        default="dicomweb",
        description="`dicomweb`: QIDO-RS and WADO-RS; the others are DIMSE: `c-get` "
        "where the PACS offers it, `c-move` where it knows this computer. DIMSE is not "
        "encrypted.",
    )
    url: str | None = Field(
        default=None,
        description="For dicomweb: root of the service, such as "
        "`https://pacs.example.org/dicom-web`. User and password come from the "
        "environment (`MEDINORM_PACS_USER`, `MEDINORM_PACS_PASSWORD`, or "
        "`MEDINORM_PACS_TOKEN`) or from `~/.netrc`.",
    )
    host: str | None = Field(
        default=None, description="For DIMSE: name or address of the PACS."
    )
    port: Port = Field(default=104, description="For DIMSE: its port.")
    called_ae: AeTitle = Field(
        default="ANY-SCP", description="For DIMSE: its AE title."
    )
    ae_title: AeTitle = Field(
        default="MEDINORM", description="For DIMSE: AE title of this computer."
    )
    receive_port: Port = Field(
        default=11112,
        description="For c-move: port at which this computer receives; the PACS must "
        "have it beside `ae_title`.",
    )
    receive_host: str = Field(
        default="",
        description="For c-move: address at which this computer receives; empty: "
        "all its addresses.",
    )
    query: Path | None = Field(
        default=None,
        description="Private table (tab-separated) of what to fetch, one line each: "
        "`patient_id` or `study_uid` or both, optional `series_uid`. Without it "
        "all series that fit the other keys are fetched.",
    )
    modality: tuple[Literal["MR", "CT", "PT"], ...] = Field(
        default=("MR",), min_length=1, description="Modalities of the images."
    )
    dates: tuple[Date, Date] | None = Field(
        default=None,
        description="First and last day of the DICOM studies, YYYYMMDD in quotes.",
    )
    description: str | None = Field(
        default=None,
        description="Regular expression that the series description must contain, "
        "in upper or lower case.",
    )
    annotations: bool = Field(
        default=True,
        description="Fetch DICOM SEG and RTSTRUCT of the same DICOM studies too.",
    )
    timeout: Count = Field(
        default=60, description="Seconds without an answer after which to give up."
    )

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, values: Any) -> Any:
        if isinstance(values, dict) and "drawings" in values:
            raise ValueError("drawings is called annotations now; rename the key")
        return values

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.protocol != "dicomweb":
            if not self.host:
                raise ValueError(f"host is needed for {self.protocol}")
            return self
        parts = urlsplit(self.url or "")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("url is needed for dicomweb, such as https://host/path")
        # Checked here and not on the field, whose value an error would repeat.
        if parts.username or parts.password:
            raise ValueError(
                "url must not have a password; set MEDINORM_PACS_USER and "
                "MEDINORM_PACS_PASSWORD"
            )
        return self

    @model_validator(mode="after")
    def _pattern(self) -> Self:
        try:
            re.compile(self.description or "")
        except re.error:
            raise ValueError("description is no regular expression") from None
        return self

    @model_validator(mode="after")
    def _sensible_query(self) -> Self:
        if self.dates and self.dates[0] > self.dates[1]:
            raise ValueError("the first of dates must not be after the last")
        if not (self.query or self.dates):
            raise ValueError(
                "query or dates is needed, not everything in a PACS at once"
            )
        return self
