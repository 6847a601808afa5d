"""Parameters of the intensity methods, one section for each that has some."""

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from medinorm.choices import IntensityName, PeakName, SourceName, TissueName
from medinorm.config.numbers import Count, Percent, Seed, Word
from medinorm.config.section import Section

Share = Annotated[float, Field(ge=0, le=1)]

_DECILES = (1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 99.0)


def _require_rising(name: str, values: tuple[float, ...]) -> None:
    """Refuse numbers that do not rise strictly."""
    if any(low >= high for low, high in pairwise(values)):
        raise ValueError(f"{name} must rise: each below the next")


class GroupOptions(Section):
    """`group`: channels that share one mean and standard deviation."""

    channels: tuple[tuple[Word, ...], ...] = Field(
        default=(),
        description="Names of the channels of each group, e.g. "
        "`[[t1, t1ce], [t2, flair]]`; every input channel in one of them.",
    )


class PercentileOptions(Section):
    """`percentile`: two percentiles of a scan go to 0 and 1."""

    percentiles: tuple[Percent, Percent] = Field(
        default=(1.0, 99.0), description="These go to 0 and 1; values beyond are cut."
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        _require_rising("percentiles", self.percentiles)
        return self


class AdaptiveOptions(Section):
    """`adaptive_instance`: mean and standard deviation of reference scans."""

    references: Count = Field(
        default=8,
        description="Training scans that serve as reference, evenly chosen among all; "
        "each weighs the same.",
    )
    alpha: Share = Field(
        default=1.0, description="How far to go, from 0 (the scan as it is) to 1."
    )
    standardize: bool = Field(
        default=True,
        description="Bring the references, and all scans by the same map, to mean 0 "
        "and standard deviation 1 in the end; with `alpha: 1` this is `zscore`.",
    )


class RegionOptions(Section):
    """`spatially_adaptive`: a z-score in each class of intensity (multi-Otsu)."""

    classes: Annotated[int, Field(ge=2, le=5)] = Field(
        default=4, description="Classes of intensity, from dark to bright."
    )


class ClusterOptions(Section):
    """`cluster_instance`: the z-score of the cluster next to a scan, and its own."""

    clusters: Count = Field(
        default=2, description="Clusters of training scans, by mean and spread."
    )
    blend: Share = Field(
        default=0.5,
        description="Share of the cluster's moments, from 0 (own ones only) to 1.",
    )
    seed: Seed = Field(default=0, description="Seed of the search for clusters.")


class ThumbnailOptions(Section):
    """`thumbnail_instance`: a z-score measured on a part of the scan."""

    source: SourceName = Field(
        default="thumbnail",
        description="Every n-th voxel, random cubes, or all voxels.",
    )
    size: Count = Field(
        default=128, description="Voxels along the edge of a thumbnail or cube."
    )
    tiles: Count = Field(default=8, description="Number of cubes.")
    seed: Seed = Field(default=0, description="Seed of their places.")


class NyulOptions(Section):
    """`nyul`: landmarks of the histogram on a scale learned from training scans."""

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


class HistogramOptions(Section):
    """`histogram`: the mean distribution of the training scans for every scan."""

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


class WhiteStripeOptions(Section):
    """`whitestripe`: a stripe of white matter to mean 0 and standard deviation 1."""

    peak: PeakName = Field(
        default="brightest",
        description="Peak of white matter: `brightest` in T1, `largest` in T2, FLAIR.",
    )
    width: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        default=0.05,
        description="Half the width of the stripe, as a share of the foreground.",
    )


class FcmOptions(Section):
    """`fcm`: the mean of one of three tissues to 1 (fuzzy c-means)."""

    tissue: TissueName = Field(
        default="brightest", description="Which one; white matter is that in T1."
    )


class KdeOptions(Section):
    """`kde`: the peak of one tissue in the smoothed histogram to 1."""

    peak: PeakName = Field(
        default="brightest", description="Which one; white matter is that in T1."
    )


class ClipOptions(Section):
    """`clip`: intensities beyond two limits are cut; for CT, in HU."""

    low: float = Field(default=-1000.0, description="Lower limit.")
    high: float = Field(default=1000.0, description="Upper limit.")

    @model_validator(mode="after")
    def _rising(self) -> Self:
        _require_rising("low and high", (self.low, self.high))
        return self


class WindowOptions(Section):
    """`window`: the edges of a CT window go to 0 and 1, what is beyond is cut."""

    center: float = Field(default=40.0, description="Middle of the window, in HU.")
    width: Annotated[float, Field(gt=0)] = Field(
        default=400.0, description="From edge to edge, in HU."
    )


class IntensityOptions(Section):
    """Parameters of the intensity methods; those that are not here have none."""

    group: GroupOptions = Field(default=GroupOptions(), description="")
    percentile: PercentileOptions = Field(default=PercentileOptions(), description="")
    adaptive_instance: AdaptiveOptions = Field(
        default=AdaptiveOptions(), description=""
    )
    spatially_adaptive: RegionOptions = Field(default=RegionOptions(), description="")
    cluster_instance: ClusterOptions = Field(default=ClusterOptions(), description="")
    thumbnail_instance: ThumbnailOptions = Field(
        default=ThumbnailOptions(), description=""
    )
    nyul: NyulOptions = Field(default=NyulOptions(), description="")
    histogram: HistogramOptions = Field(default=HistogramOptions(), description="")
    whitestripe: WhiteStripeOptions = Field(
        default=WhiteStripeOptions(), description=""
    )
    fcm: FcmOptions = Field(default=FcmOptions(), description="")
    kde: KdeOptions = Field(default=KdeOptions(), description="")
    clip: ClipOptions = Field(default=ClipOptions(), description="")
    window: WindowOptions = Field(default=WindowOptions(), description="")

    def only(self, *intensities: IntensityName) -> "IntensityOptions":
        """The parameters of some methods, with the defaults for all others.

        Examples:
            >>> given = IntensityOptions(fcm=FcmOptions(tissue="middle"))
            >>> given.only("fcm") == given, given.only("kde") == IntensityOptions()
            (True, True)
        """
        names = set(intensities) & type(self).model_fields.keys()
        return IntensityOptions(**{name: getattr(self, name) for name in names})
