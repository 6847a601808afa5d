"""Parameters of the intensity methods, one section for each that has some."""

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import BeforeValidator, Field, create_model, model_validator

from medinorm.choices import (
    INTENSITY_ALIASES,
    IntensityName,
    PeakName,
    SourceName,
    TissueName,
)
from medinorm.config.numbers import Count, Percent, Seed, Word
from medinorm.config.section import Section

Share = Annotated[float, Field(ge=0, le=1)]


def _resolve_alias(word: object) -> object:
    """The method that another name stands for; other words as they are."""
    return INTENSITY_ALIASES.get(word, word) if isinstance(word, str) else word


if TYPE_CHECKING:
    IntensityWord = IntensityName
else:
    # A method by one of its names; the value is its name in paths and results.
    IntensityWord = Annotated[
        IntensityName,
        BeforeValidator(
            _resolve_alias,
            json_schema_input_type=Literal[
                (*get_args(IntensityName), *INTENSITY_ALIASES)
            ],
        ),
    ]
ALIASES_TEXT = "; ".join(
    f"`{alias}` is another name of `{name}`"
    for alias, name in INTENSITY_ALIASES.items()
)

_DECILES = (1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 99.0)


def _require_rising(name: str, values: tuple[float, ...]) -> None:
    """Refuse numbers that do not rise strictly."""
    if any(low >= high for low, high in pairwise(values)):
        raise ValueError(f"{name} must rise: each below the next")


class MethodOptions(Section):
    """The parameters of one intensity method: its arguments, with their defaults."""

    method: ClassVar[IntensityName]


class GroupOptions(MethodOptions):
    """`group`: channels that share one mean and standard deviation."""

    method = "group"

    channels: tuple[tuple[Word, ...], ...] = Field(
        default=(),
        description="Names of the channels of each group, e.g. "
        "`[[t1, t1ce], [t2, flair]]`; every input channel in one of them.",
    )


class PercentileOptions(MethodOptions):
    """`percentile`: two percentiles of a scan go to 0 and 1."""

    method = "percentile"

    percentiles: tuple[Percent, Percent] = Field(
        default=(1.0, 99.0), description="These go to 0 and 1; values beyond are cut."
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        _require_rising("percentiles", self.percentiles)
        return self


class AdaptiveOptions(MethodOptions):
    """`adaptive_instance`: mean and standard deviation of reference scans."""

    method = "adaptive_instance"

    references: Count = Field(
        default=8,
        description="Training scans that serve as reference, evenly chosen among all; "
        "each has equal weight.",
    )
    alpha: Share = Field(
        default=1.0, description="Strength, from 0 (the scan stays as it is) to 1."
    )
    standardize: bool = Field(
        default=True,
        description="Bring the references, and all scans by the same map, to mean 0 "
        "and standard deviation 1 in the end; with `alpha: 1` this is `zscore`.",
    )


class RegionOptions(MethodOptions):
    """`spatially_adaptive`: a z-score in each class of intensity (multi-Otsu)."""

    method = "spatially_adaptive"

    classes: Annotated[int, Field(ge=2, le=5)] = Field(
        default=4, description="Classes of intensity, from dark to bright."
    )


class ClusterOptions(MethodOptions):
    """`cluster_instance`: a z-score by the nearest cluster and the scan, blended."""

    method = "cluster_instance"

    clusters: Count = Field(
        default=2,
        description="Clusters of training scans, by mean and standard deviation.",
    )
    blend: Share = Field(
        default=0.5,
        description="Share of the cluster's moments, from 0 (own ones only) to 1.",
    )
    seed: Seed = Field(default=0, description="Seed of the search for clusters.")


class ThumbnailOptions(MethodOptions):
    """`thumbnail_instance`: a z-score measured on a part of the scan."""

    method = "thumbnail_instance"

    source: SourceName = Field(
        default="thumbnail",
        description="Every n-th voxel, random cubes, or all voxels.",
    )
    size: Count = Field(
        default=128, description="Voxels along the edge of a thumbnail or cube."
    )
    tiles: Count = Field(default=8, description="Number of cubes.")
    seed: Seed = Field(default=0, description="Seed of the places of the cubes.")


class NyulOptions(MethodOptions):
    """`nyul`: landmarks of the histogram on a scale learned from training scans."""

    method = "nyul"

    percentiles: tuple[Percent, ...] = Field(
        default=_DECILES, min_length=2, description="The landmarks, in percent."
    )
    scale: tuple[float, float] = Field(
        default=(0.0, 1.0), description="Where the outermost landmarks go."
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        _require_rising("percentiles", self.percentiles)
        _require_rising("scale", self.scale)
        return self


class HistogramOptions(MethodOptions):
    """`histogram`: the mean distribution of the training scans for every scan."""

    method = "histogram"

    quantiles: Annotated[int, Field(ge=2, le=4096)] = Field(
        default=256, description="Quantiles that are matched."
    )
    scale: tuple[float, float] = Field(
        default=(0.0, 1.0), description="Where the outermost quantiles go."
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        _require_rising("scale", self.scale)
        return self


class WhiteStripeOptions(MethodOptions):
    """`whitestripe`: a stripe of white matter to mean 0 and standard deviation 1."""

    method = "whitestripe"

    peak: PeakName = Field(
        default="brightest",
        description="Peak of white matter: `brightest` in T1, `largest` in T2, FLAIR.",
    )
    width: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        default=0.05,
        description="Half the width of the stripe, as a share of the foreground.",
    )


class FcmOptions(MethodOptions):
    """`fcm`: the mean of one of three tissues to 1 (fuzzy c-means)."""

    method = "fcm"

    tissue: TissueName = Field(
        default="brightest",
        description="Which tissue; `brightest` in T1: white matter.",
    )


class KdeOptions(MethodOptions):
    """`kde`: the peak of one tissue in the smoothed histogram to 1."""

    method = "kde"

    peak: PeakName = Field(
        default="brightest", description="Which peak; `brightest` in T1: white matter."
    )


class ClipOptions(MethodOptions):
    """`clip`: intensities beyond two limits are cut; for CT, in HU."""

    method = "clip"

    low: float = Field(default=-1000.0, description="Lower limit.")
    high: float = Field(default=1000.0, description="Upper limit.")

    @model_validator(mode="after")
    def _rising(self) -> Self:
        _require_rising("low and high", (self.low, self.high))
        return self


class WindowOptions(MethodOptions):
    """`window`: the edges of a CT window go to 0 and 1, what is beyond is cut."""

    method = "window"

    center: float = Field(default=40.0, description="Middle of the window, in HU.")
    width: Annotated[float, Field(gt=0)] = Field(
        default=400.0, description="From edge to edge, in HU."
    )


class _IntensityOptions(Section):
    """Parameters of the intensity methods; those that are not here have none."""

    def of(self, intensity: IntensityName) -> dict[str, Any]:
        """The parameters of one method, by name; none, if it has none.

        Examples:
            >>> IntensityOptions().of("kde"), IntensityOptions().of("zscore")
            ({'peak': 'brightest'}, {})
        """
        section: Section | None = getattr(self, intensity, None)
        return section.model_dump() if isinstance(section, Section) else {}

    def only(self, *intensities: IntensityName) -> Self:
        """The parameters of some methods, with the defaults for all others.

        Examples:
            >>> options = IntensityOptions(fcm=FcmOptions(tissue="middle"))
            >>> options.only("fcm") == options
            True
            >>> options.only("kde") == IntensityOptions()
            True
        """
        names = set(intensities) & type(self).model_fields.keys()
        return type(self)(**{name: getattr(self, name) for name in names})


if TYPE_CHECKING:
    IntensityOptions = _IntensityOptions
else:
    # A key for each section above, named as its method.
    IntensityOptions = create_model(
        "IntensityOptions",
        __base__=_IntensityOptions,
        __module__=__name__,
        __doc__=_IntensityOptions.__doc__,
        **{
            section.method: (section, Field(default=section(), description=""))
            for section in MethodOptions.__subclasses__()
        },
    )
