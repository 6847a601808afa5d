"""DICOM: which series are used, what uneven slices become, what an export keeps."""

import re
from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from medinorm.config.numbers import Millimetres, Word
from medinorm.config.section import Section

PlaneName = Literal["axial", "coronal", "sagittal"]


class GeometryConfig(Section):
    """How slices that are not an even stack are used; by default they are left out."""

    duplicate: Literal["quarantine", "drop_duplicates"] = Field(
        default="quarantine",
        description="Slices at one place: `drop_duplicates` keeps one of each if all "
        "have the same pixels.",
    )
    variable_spacing: Literal["quarantine", "resample"] = Field(
        default="quarantine",
        description="Slices at uneven distances: `resample` interpolates an even "
        "stack.",
    )
    cut_off: Literal["quarantine", "keep"] = Field(
        default="quarantine",
        description="Slices that lack some at an end, by the counts in their headers: "
        "`keep` uses those that are there.",
    )
    tilt: Literal["quarantine", "resample", "keep_shear"] = Field(
        default="quarantine",
        description="Slices shifted sideways (a tilted gantry): `resample` brings them "
        "onto a grid with right angles, `keep_shear` keeps the voxels and writes "
        "the shear into the affine.",
    )


class SelectRule(Section):
    """Which DICOM series are used: a series must fit all keys of the rule."""

    modality: tuple[Literal["MR", "CT", "PT"], ...] = Field(
        default=(), description="Modalities, any of them."
    )
    description: str | None = Field(
        default=None,
        description="Regular expression that the description or protocol name of the "
        "series must contain, in upper or lower case.",
    )
    orientation: tuple[PlaneName, ...] = Field(
        default=(), description="Planes to which the slices are nearest, any of them."
    )
    max_spacing: Millimetres | None = Field(
        default=None,
        description="Largest distance of voxel centres along any axis, in mm.",
    )
    contrast_agent: bool | None = Field(
        default=None, description="Whether a contrast agent was given."
    )
    channel: Word | None = Field(
        default=None,
        description="Channel of `input.channels` that these series are; the first rule "
        "that fits a series decides. Of several series of a session the one with a "
        "label map, then that of the earlier rule is used.",
    )

    # Of the whole rule: an error of the key would repeat the expression.
    @model_validator(mode="after")
    def _readable(self) -> Self:
        try:
            re.compile(self.description or "")
        except re.error:
            raise ValueError("description is no regular expression") from None
        return self


def find_channel_problem(rules: Sequence[SelectRule], channels: Sequence[str]) -> str:
    """What keeps rules from saying which series are which channel, or nothing.

    Args:
        rules: `ingest.select`.
        channels: `input.channels`, of DICOM input.

    Examples:
        >>> find_channel_problem([SelectRule(channel="T1w")], ["T1w", "FLAIR"])
        'ingest.select: no rule has channel: FLAIR; add one for its series'
        >>> find_channel_problem([SelectRule(description="t1")], ["image"])
        ''
    """
    named = {rule.channel for rule in rules}
    if unknown := sorted(filter(None, named - {*channels})):
        return (
            f"ingest.select: input.channels does not have {unknown[0]}; it has "
            f"{', '.join(channels)}"
        )
    if len(channels) < 2:
        return ""
    if missing := [name for name in channels if name not in named]:
        return (
            f"ingest.select: no rule has channel: {missing[0]}; add one for its series"
        )
    if None in named:
        return "ingest.select: a rule has no channel; with several each rule names one"
    return ""


class ExportConfig(Section):
    """What may stay in exported DICOM files; by default nothing that identifies."""

    dates: Literal["remove", "shift"] = Field(
        default="remove",
        description="`shift` moves all dates of a subject by the same number of days, "
        "which can be found with the key only.",
    )
    characteristics: bool = Field(
        default=False,
        description="Keep sex, size, weight and age; 90 years and more become 90.",
    )
    devices: bool = Field(
        default=False,
        description="Keep device, station and institution as keyed pseudonyms.",
    )
