"""How scans are brought to one voxel grid and one intensity scale."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from medinorm.choices import (
    UNMEASURED_INTENSITIES,
    ZEROING_INTENSITIES,
    BiasFieldName,
    ConstantName,
    ForegroundName,
    IntensityName,
    NonfiniteName,
)
from medinorm.config.intensities import IntensityOptions
from medinorm.config.numbers import AUTO, Count, Plannable, Spacing
from medinorm.config.section import Section


class N4Config(Section):
    """How N4 estimates the shading of the receive coil."""

    shrink: Count = Field(
        default=4, description="N4 uses every n-th voxel along each axis; this is n."
    )
    iterations: tuple[Count, ...] = Field(
        default=(50, 50, 50, 50),
        min_length=1,
        description="Largest number of iterations on each level; each level has twice "
        "as many splines along an axis.",
    )
    control_points: Annotated[int, Field(ge=4)] = Field(
        default=4, description="Control points of the splines, each axis, first level."
    )
    threshold: Annotated[float, Field(gt=0)] = Field(
        default=1e-3, description="Change of the field at which a level ends."
    )


class GridConfig(Section):
    """The voxel grid of a study."""

    spacing: Plannable[Spacing] = Field(
        default=AUTO,
        description="Voxel spacing after resampling, in mm, along R, A and S; `auto`: "
        "the training plan decides.",
    )


class AutoHarmonizeConfig(GridConfig):
    """How scans are brought to one voxel grid and one intensity scale."""

    foreground: ForegroundName = Field(
        default="otsu",
        description="Voxels whose intensities are measured; the map applies to all. "
        "`image`: all; `nonzero`: those that are not 0; `positive`: those above 0; "
        "`otsu`: above the threshold between air and tissue; `file`: "
        "the scan's own mask, from `masks`; `label`: its label map, for `population` "
        "only: all others would read the labels of test scans.",
    )
    largest_component: bool = Field(
        default=False,
        description="Keep only the largest connected part of the foreground.",
    )
    masks: Path | None = Field(
        default=None,
        description="For `foreground: file`: folder of masks, named `<scan>.nii.gz` "
        "and on the grid of the canonical image of that name.",
    )
    background: float | None = Field(
        default=None,
        description="Value that voxels outside of the foreground get at the end; none: "
        "they are mapped like all others.",
    )
    nonfinite: NonfiniteName = Field(
        default="refuse",
        description="Scans with NaN or infinity: `refuse` them, or `ignore` such "
        "voxels, which become as dark as the darkest. `ingest.nonfinite` follows.",
    )
    constant: ConstantName = Field(
        default="refuse",
        description="Scans with a constant foreground: `refuse` them, or make them "
        "`zeros` where the method is a z-score or percentiles; other methods always "
        "refuse them.",
    )
    bias_field: BiasFieldName = Field(
        default="none",
        description="Correction of the coil's smooth shading before anything else.",
    )
    n4: N4Config = Field(default=N4Config(), description="")
    intensity_options: IntensityOptions = Field(
        default=IntensityOptions(), description=""
    )
    compress: bool = Field(
        default=False,
        description="Write `.nii.gz`: smaller, but each training job reads all of it "
        "into memory.",
    )

    @model_validator(mode="after")
    def _masks_where_needed(self) -> Self:
        if (self.foreground == "file") != (self.masks is not None):
            raise ValueError(
                "masks and foreground: file need each other; set both or neither"
            )
        return self

    def keys_of(self, intensity: IntensityName, *, fitting: bool) -> frozenset[str]:
        """The keys on which a job of one method depends.

        Args:
            intensity: the method.
            fitting: whether a map is fitted on training scans, or scans are mapped.
        """
        keys = {"spacing", "nonfinite", "bias_field", "intensity_options"}
        if not fitting:
            keys |= {"background", "compress"}
        if self.bias_field == "n4":
            keys |= {"n4"}
        if fitting or self.masks_scans(intensity):
            keys |= {"foreground", "largest_component", "masks"}
        measured = fitting or intensity not in UNMEASURED_INTENSITIES
        if measured and intensity in ZEROING_INTENSITIES:
            keys |= {"constant"}
        return frozenset(keys)

    def masks_scans(self, intensity: IntensityName) -> bool:
        """Whether mapping a scan needs its foreground."""
        return (
            intensity not in UNMEASURED_INTENSITIES
            or self.bias_field != "none"
            or self.background is not None
        )

    def used_by(self, intensity: IntensityName, *, fitting: bool = False) -> Self:
        """These settings, with the defaults for all that a job does not use.

        So the flags of a job change when, and only when, its result may.

        Examples:
            >>> image = HarmonizeConfig(foreground="image")
            >>> image.used_by("none").foreground, image.used_by("zscore").foreground
            ('otsu', 'image')
        """
        used = self.keys_of(intensity, fitting=fitting)
        default = type(self)()
        unused = type(self).model_fields.keys() - used
        own = {name: getattr(default, name) for name in unused}
        own["intensity_options"] = self.intensity_options.only(intensity)
        return self.model_copy(update=own)

    def record(self, intensity: IntensityName, *, fitting: bool) -> dict[str, Any]:
        """What a job uses, as JSON values, for its sidecar."""
        keys = self.keys_of(intensity, fitting=fitting)
        values = self.model_dump(mode="json", include=set(keys))
        # The folder of masks is not recorded: their checksums are, as inputs.
        values.pop("masks", None)
        options = values.pop("intensity_options").get(intensity)
        return values | ({"options": options} if options else {})


class HarmonizeConfig(AutoHarmonizeConfig):
    """The same once the training plan has decided."""

    spacing: Spacing = Field(default=(1.0, 1.0, 1.0))
