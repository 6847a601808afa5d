"""Where the scans come from, how they are read and divided."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, WithJsonSchema, field_validator, model_validator

from medinorm.choices import DesignName, NonfiniteName, ScannerName
from medinorm.config.input.dicom import GeometryConfig, SelectRule
from medinorm.config.input.pacs import PacsConfig
from medinorm.config.numbers import Count, Fraction, Millimetres, Seed, Word
from medinorm.config.section import Section
from medinorm.declarations import read_declarations
from medinorm.files.names import meaning_of
from medinorm.method_names import (
    DESIGN_DECLARATIONS,
    SCANNER_DECLARATIONS,
    describe,
)
from medinorm.records.labels import (
    LARGEST,
    free_value,
    ignored_entries,
    labels_of,
    values_of_names,
)
from medinorm.records.scans import IDENTITY_COLUMNS

_IDENTITY = ", ".join(
    f"`{name}` (vendor, model and field strength)" if name == "scanner" else f"`{name}`"
    for name in IDENTITY_COLUMNS
)
_FORMATS = " or ".join(read_declarations("medinorm.files.formats", "image_format"))

_LARGEST_VALUE = 2**24  # whole numbers up to it are exact in single precision
_VALUE_OF_A_NAME = 1 << 40  # no file of labels reaches it
_NUMBERS = {"type": "array", "items": {"type": "integer"}, "minItems": 1}
_LABEL_VALUES = {
    "type": "object",
    "additionalProperties": {"anyOf": [{"type": "string"}, _NUMBERS]},
    "minProperties": 1,
}


class TaskConfig(Section):
    """What is segmented in which images."""

    channels: tuple[Word, ...] = Field(
        default=("image",),
        min_length=1,
        description="Image channels: the columns of `scans`, the BIDS suffixes, or for "
        "DICOM the channels of `ingest.select`.",
    )
    label_values: Annotated[
        dict[Annotated[int, Field(ge=1, le=_LARGEST_VALUE)], str],
        WithJsonSchema(_LABEL_VALUES),
    ] = Field(
        default={1: "white matter", 2: "gray matter", 3: "cerebrospinal fluid"},
        min_length=1,
        description="The labels to segment: value in the label map and name. Values of "
        "one name are one label, also written `{lesion: [1, 2]}`. 0 is background, and "
        "`others` says what becomes of other values.",
    )
    ignore: tuple[int | str, ...] = Field(
        default=(),
        description="Values of voxels that nobody knows the label of: they count "
        "neither in the loss, nor in scores, nor as foreground. Of a DICOM SEG or "
        "RTSTRUCT: names of segments or structures.",
    )

    @field_validator("label_values", mode="before")
    @classmethod
    def _one_form(cls, values: Any) -> Any:
        return values_of_names(values)

    @field_validator("ignore", mode="before")
    @classmethod
    def _one_or_several(cls, values: Any) -> Any:
        return ignored_entries(values)

    @model_validator(mode="after")
    def _ignored_apart(self) -> Self:
        if len(self.named_labels) > LARGEST:
            raise ValueError(f"label_values: at most {LARGEST} names")
        if clash := {0, *self.label_values}.intersection(self.ignore):
            raise ValueError(
                f"ignore: {min(clash)} is background or a label; give another value"
            )
        own = set(map(meaning_of, self.label_values.values()))
        for name in self.ignored_names.values():
            if not meaning_of(name):
                raise ValueError("ignore: a name is empty; give values or names")
            if meaning_of(name) in own:
                raise ValueError(f"ignore: {name!r} is a label; take it out of one")
        _ = self.ignored
        return self

    @property
    def named_labels(self) -> dict[int, str]:
        """Value and name of each label in medinorm's own label maps."""
        return labels_of(self.label_values)

    @property
    def ignored_names(self) -> dict[int, str]:
        """A value that no label map has for each name that is ignored."""
        names = [entry for entry in self.ignore if isinstance(entry, str)]
        return dict(enumerate(names, start=_VALUE_OF_A_NAME))

    @property
    def ignored_values(self) -> tuple[int, ...]:
        """Values that are ignored, those that stand for a name included."""
        values = [entry for entry in self.ignore if isinstance(entry, int)]
        return *values, *self.ignored_names

    @property
    def ignored(self) -> int | None:
        """The value of ignored voxels in medinorm's own label maps, if there are."""
        return free_value(self.named_labels) if self.ignore else None


class InputConfig(TaskConfig):
    """Where the scans come from. `scans`, `dicom`, `bids`, `pacs`; none is the demo."""

    others: Literal["refuse", "background"] = Field(
        default="refuse",
        description="Scans with label values that are neither in `label_values` nor in "
        "`ignore`: `refuse` them, or make such voxels `background`.",
    )
    scans: Path | None = Field(
        default=None,
        description=f"Table of {_FORMATS} scans (`.tsv`, `.csv` or text): "
        "`subject`, optional `session`, one column for each channel, optional "
        "`label`, domain columns.",
    )
    dicom: tuple[Path, ...] = Field(
        default=(), description="Folders searched for DICOM series."
    )
    bids: Path | None = Field(
        default=None,
        description="BIDS data set; label maps are looked for under `derivatives/`.",
    )
    labels: Path | None = Field(
        default=None,
        description="For DICOM: table of label maps with `series_uid` (or `subject`, "
        "optional `session`) and `label`, which may be empty. DICOM SEG and RTSTRUCT "
        "among the files are found automatically.",
    )
    pacs: PacsConfig | None = Field(
        default=None, description="PACS from which DICOM series are fetched first."
    )

    unlabelled: Literal["allow", "exclude"] = Field(
        default="allow",
        description="Scans without a label map: `allow` them, to be checked, "
        "harmonized, shown and segmented (they never train and are never scored), or "
        "`exclude` them. A study in which no scan has one ends after harmonize.",
    )

    @model_validator(mode="before")
    @classmethod
    def _others_among_values(cls, values: Any) -> Any:
        """`others: background` may stand among the label values."""
        labels = values.get("label_values") if isinstance(values, Mapping) else None
        if not isinstance(labels, Mapping) or labels.get("others") != "background":
            return values
        named = {key: name for key, name in labels.items() if key != "others"}
        return {"others": "background", **values, "label_values": named}

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources = (self.scans, self.dicom or None, self.bids, self.pacs)
        if sum(source is not None for source in sources) > 1:
            raise ValueError("give one of scans, dicom, bids and pacs, not several")
        if self.labels is not None and not (self.dicom or self.pacs):
            raise ValueError(
                "labels goes with dicom or pacs; scans and bids name their label maps"
            )
        if len(set(self.channels)) < len(self.channels):
            raise ValueError("channels must differ from each other")
        return self

    @property
    def demo(self) -> bool:
        """Whether the study runs on simulated scans."""
        return not (self.scans or self.dicom or self.bids or self.pacs)

    @property
    def task(self) -> TaskConfig:
        """What is segmented, without where it comes from."""
        return TaskConfig(
            channels=self.channels, label_values=self.label_values, ignore=self.ignore
        )


class DemoConfig(Section):
    """The simulated study: real anatomy, simulated scanners."""

    scanners: tuple[ScannerName, ...] = Field(
        default=("siemens_3t", "ge_15t", "lowfield_64mt"),
        min_length=2,
        description=f"Simulated scanners: {describe(SCANNER_DECLARATIONS)}.",
    )
    subjects: Count = Field(default=12, description="Subjects on each scanner.")
    spacing: Millimetres = Field(
        default=3.0, description="Voxel spacing of the simulated scans in plane, in mm."
    )
    seed: Seed = Field(default=0, description="Seed of anatomy, coils and noise.")


class IngestConfig(Section):
    """How scans are checked and de-identified on their way in."""

    subjects: Literal["pseudonym", "keep"] = Field(
        default="pseudonym",
        description="`keep` is for data that is already de-identified.",
    )
    min_voxels: Count = Field(
        default=5,
        description="Scans with a shorter axis than this are excluded: localizers and "
        "single slices. Training repeats the edge of scans smaller than a patch.",
    )
    nonfinite: NonfiniteName = Field(
        default="refuse",
        description="Scans with NaN or infinity: `refuse` them, or `ignore` it, which "
        "leaves them to harmonize. Set by `harmonize.nonfinite` if not given here.",
    )
    grid_tolerance: Annotated[float, Field(gt=0, le=0.5)] = Field(
        default=0.1,
        description="Largest distance of the corners of image and label grid, as a "
        "fraction of a voxel.",
    )
    nifti_place: Literal["shared", "sform", "qform"] = Field(
        default="shared",
        description="Where a scan lies whose NIfTI headers contradict themselves: "
        "`shared` takes the one transform by which image and label map agree, and "
        "excludes the scan if it is none or both; `sform` or `qform` takes this one.",
    )
    deface: str | None = Field(
        default=None,
        description="Command that removes the face from each volume before anything "
        "else is done, with `{input}` and `{output}` for the two NIfTI files.",
    )
    scanners: dict[str, str] = Field(
        default={},
        description="Your own names of scanners: what `scans.tsv` has in `scanner` or "
        "`model`, in any spelling, and the name to use. Two with one name are one "
        "domain.",
    )
    geometry: GeometryConfig = Field(default=GeometryConfig(), description="")
    time_points: Literal["all", "first"] = Field(
        default="all",
        description="Of a DICOM time series: each time point is a scan, or only the "
        "first.",
    )
    select: tuple[SelectRule, ...] = Field(
        default=(),
        description="DICOM series to use: those that fit any of these rules; none "
        "given takes all.",
    )

    @model_validator(mode="after")
    def _deface_has_files(self) -> Self:
        needed = ("{input}", "{output}")
        if self.deface is not None and not all(name in self.deface for name in needed):
            raise ValueError("deface must name {input} and {output}")
        try:
            shlex.split(self.deface or "")
        except ValueError:
            raise ValueError("deface has a quotation mark that is not closed") from None
        return self


class SplitConfig(Section):
    """Who trains and who tests, decided by subject before anything is learned."""

    domain: tuple[Word, ...] = Field(
        default=("scanner",),
        min_length=1,
        description="Column of `scans.tsv` (or several, combined) that defines the "
        f"domains. From DICOM: {_IDENTITY}; or a column of your table.",
    )
    designs: tuple[DesignName, ...] = Field(
        default=("lodo", "pooled"),
        min_length=1,
        description=f"{describe(DESIGN_DECLARATIONS)}.",
    )
    test_only: dict[Word, Annotated[str, Field(min_length=1)]] = Field(
        default={},
        description="Scans that only test: a column and its value, such as "
        "`{cohort: external}`. They never train, select weights or fit a map, and are "
        "domains of their own (`external ...`), tested by the `pooled` and `single` "
        "networks of the first fold.",
    )
    folds: Annotated[int, Field(ge=2)] = Field(
        default=4, description="Equal parts into which each domain's subjects fall."
    )
    test_folds: Count = Field(
        default=1,
        description="Parts that are the test set in turn. 1 is a fixed test set; with "
        "as many as `folds` every subject is tested.",
    )
    validation_fraction: Fraction = Field(
        default=0.0,
        description="Part of the training subjects kept for `train.selection` and "
        "for a list in `train.learning_rate`.",
    )
    seed: Seed = Field(default=0, description="Seed of the division into parts.")
    ratings: tuple[Path, ...] = Field(
        default=(),
        description="Tables of ratings that the quality page saved: scans rated bad "
        "are used in no split. They stay on the quality page, so that a rating can "
        "be changed.",
    )

    @model_validator(mode="after")
    def _sized(self) -> Self:
        for design in self.designs:
            needed = DESIGN_DECLARATIONS[design].facts.get("sized_as")
            if needed and needed not in self.designs:
                raise ValueError(f"designs: {design} needs {needed}; add it")
        if self.test_only and not {"pooled", "single"} & set(self.designs):
            raise ValueError("test_only needs pooled or single in designs; add one")
        return self

    @model_validator(mode="after")
    def _enough_folds(self) -> Self:
        if self.test_folds > self.folds:
            raise ValueError("test_folds cannot exceed folds")
        return self
