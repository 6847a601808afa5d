"""A whole study, and what makes one impossible."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from medinorm.choices import AdaptName, AugmentationName, NormName
from medinorm.config.evidence import EvidenceConfig
from medinorm.config.harmonize import AutoHarmonizeConfig
from medinorm.config.input.dicom import find_channel_problem
from medinorm.config.intensities import ALIASES_TEXT, IntensityWord
from medinorm.config.numbers import AUTO, Count, Seed
from medinorm.config.predict import PredictConfig
from medinorm.config.recipes import recipe_augmentation
from medinorm.config.report import ReportConfig
from medinorm.config.score import ScoreConfig
from medinorm.config.section import Section, parse_section
from medinorm.config.source import DemoConfig, IngestConfig, InputConfig, SplitConfig
from medinorm.config.train import AutoTrainConfig
from medinorm.method_names import (
    ADAPTATION_DECLARATIONS,
    AUGMENTATION_DECLARATIONS,
    check_norm_options,
    describe,
    goes_with,
)
from medinorm.variant import Variant


class ExperimentsConfig(Section):
    """What is compared: every combination of these is trained and tested."""

    intensity: tuple[IntensityWord, ...] = Field(
        default=("zscore",),
        min_length=1,
        description=f"Intensity methods; {ALIASES_TEXT}.",
    )
    norm: tuple[NormName, ...] = Field(
        default=("batch", "instance", "group", "layer"),
        min_length=1,
        description="Normalization layers.",
    )
    norm_options: dict[NormName, dict[str, Any]] = Field(
        default={}, description="Arguments of a layer, e.g. `group: {num_groups: 4}`."
    )
    augmentation: tuple[AugmentationName, ...] = Field(
        default=(recipe_augmentation(None),),
        min_length=1,
        description="What is done to training patches at random: "
        f"{describe(AUGMENTATION_DECLARATIONS)}. Mirrors: see `train.mirror_axes`. "
        "Each entry multiplies the number of networks.",
    )
    adapt: tuple[AdaptName, ...] = Field(
        default=("none",),
        min_length=1,
        description="Adaptations at test time, for the norms that can be adapted: "
        f"{describe(ADAPTATION_DECLARATIONS)}.",
    )
    seeds: tuple[Seed, ...] = Field(
        default=(0, 1, 2),
        min_length=1,
        description="Seeds of training; with fewer than 3 nothing is ranked.",
    )
    runs_per_job: Count = Field(
        default=3, description="Seeds trained by one job; 1 for one GPU a run."
    )

    @field_validator("norm_options")
    @classmethod
    def _known_options(cls, value: dict[str, Any]) -> dict[str, Any]:
        for norm, options in value.items():
            check_norm_options(norm, options)
        return value

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for name in (*Variant._fields, "seeds"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise ValueError(f"{name} names the same entry twice")
        return self

    @property
    def variants(self) -> Iterator[Variant]:
        """All combinations that are compared."""
        for intensity, norm in product(self.intensity, self.norm):
            for augmentation in self.augmentation:
                for adapt in self.adapts_of(norm):
                    yield Variant(intensity, norm, augmentation, adapt)

    @property
    def networks(self) -> list[Variant]:
        """The variants that networks are trained for: those without adaptation."""
        return [variant for variant in self.variants if variant.adapt == "none"]

    @property
    def networks_of_split(self) -> int:
        """How many networks are trained for each split.

        Examples:
            >>> ExperimentsConfig(norm=("batch",), seeds=(0, 1)).networks_of_split
            2
        """
        return len(self.seeds) * len({v._replace(adapt="none") for v in self.variants})

    def searched_of_split(self, rates: int) -> int:
        """How many networks a search among learning rates adds for each split.

        One network a rate; that of the chosen rate is needed anyway.

        Args:
            rates: how many are compared; one is no search.

        Examples:
            >>> ExperimentsConfig(norm=("batch", "layer")).searched_of_split(3)
            4
        """
        return (rates - 1) * self.networks_of_split // len(self.seeds)

    def adapts_of(self, norm: NormName) -> tuple[AdaptName, ...]:
        """The adaptations that go with a norm.

        Examples:
            >>> experiments = ExperimentsConfig(adapt=("none", "tent"))
            >>> experiments.adapts_of("batch"), experiments.adapts_of("group")
            (('none', 'tent'), ('none',))
        """
        return tuple(adapt for adapt in self.adapt if goes_with(adapt, norm))


class StudyConfig(Section):
    """A study: its scans, its normalizations, and how these are compared."""

    title: str = Field(default="medinorm demo study", description="Title of the report")
    results: Path = Field(
        default=Path("results"), description="Folder of everything that may be shared."
    )
    private: Path = Field(
        default=Path("private"),
        description="Folder of the pseudonym key and of what links pseudonyms to the "
        "input. Never share it.",
    )
    strict: bool = Field(
        default=False, description="Fail at the end if any scan was excluded."
    )
    final: bool | tuple[str, ...] = Field(
        default=False,
        description="Train networks on all scans too, for `medinorm bundle`: `true` "
        "for the best variant of the verdict, or a list such as `[zscore/instance]`. "
        "They are not tested; what to expect of them is known from the networks that "
        "left a domain out.",
    )
    shards: Count = Field(
        default=2,
        description="Jobs among which per-scan work is divided; more than the cores "
        "of one machine for a cluster.",
    )
    input: InputConfig = Field(default=InputConfig(), description="")
    demo: DemoConfig = Field(default=DemoConfig(), description="")
    ingest: IngestConfig = Field(default=IngestConfig(), description="")
    split: SplitConfig = Field(default=SplitConfig(), description="")
    harmonize: AutoHarmonizeConfig = Field(
        default=AutoHarmonizeConfig(), description=""
    )
    experiments: ExperimentsConfig = Field(default=ExperimentsConfig(), description="")
    train: AutoTrainConfig = Field(default=AutoTrainConfig(), description="")
    predict: PredictConfig = Field(default=PredictConfig(), description="")
    score: ScoreConfig = Field(default=ScoreConfig(), description="")
    evidence: EvidenceConfig = Field(default=EvidenceConfig(), description="")
    report: ReportConfig = Field(default=ReportConfig(), description="")

    def choose_final(self, best: Sequence[Variant]) -> list[Variant]:
        """The variants whose networks train on all scans.

        Args:
            best: the best of the verdict; only used if none is named.
        """
        if isinstance(self.final, bool):
            return [one._replace(adapt="none") for one in best] if self.final else []
        named = [
            one
            for name in self.final
            for one in self.experiments.networks
            if one.has_levels(name)
        ]
        return list(dict.fromkeys(named))

    @model_validator(mode="after")
    def _final_is_compared(self) -> Self:
        for name in self.final if isinstance(self.final, tuple) else ():
            matches = [v for v in self.experiments.networks if v.has_levels(name)]
            if len(matches) != 1:
                known = ", ".join("/".join(v[:3]) for v in self.experiments.networks)
                raise ValueError(
                    f"final: {len(matches)} variants have the levels {name!r}; known: "
                    f"{known}"
                )
        return self

    @model_validator(mode="after")
    def _lesions_are_labels(self) -> Self:
        names = list(self.input.named_labels.values())
        for name in self.score.lesions:
            if name not in names:
                raise ValueError(
                    f"score.lesions: {name!r} is no label; the labels are "
                    f"{', '.join(names)}"
                )
        return self

    @model_validator(mode="before")
    @classmethod
    def _ignored_from_the_start(cls, values: Any) -> Any:
        """Ingest lets scans pass that harmonize is to take."""
        if not isinstance(values, Mapping):
            return values
        harmonize, ingest = values.get("harmonize"), values.get("ingest") or {}
        if not isinstance(harmonize, Mapping) or not isinstance(ingest, Mapping):
            return values
        if harmonize.get("nonfinite") != "ignore":
            return values
        return {**values, "ingest": {"nonfinite": "ignore", **ingest}}

    @model_validator(mode="before")
    @classmethod
    def _augmentation_of_recipe(cls, values: Any) -> Any:
        """A study that names no augmentation has that of its recipe."""
        if not isinstance(values, Mapping):
            return values
        experiments = values.get("experiments") or {}
        if not isinstance(experiments, Mapping):
            return values
        chosen = {"augmentation": [recipe_augmentation(values.get("train"))]}
        return {**values, "experiments": {**chosen, **experiments}}

    @model_validator(mode="after")
    def _folders_apart(self) -> Self:
        results, private = self.results.resolve(), self.private.resolve()
        if results.is_relative_to(private) or private.is_relative_to(results):
            raise ValueError(
                "private must lie outside of results: only results are shared"
            )
        if any(set("{}") & set(str(path)) for path in (self.results, self.private)):
            raise ValueError("results and private must not have braces in their names")
        return self

    @model_validator(mode="after")
    def _input_outside_of_results(self) -> Self:
        query = self.input.pacs.query if self.input.pacs else None
        tables = {
            "input.scans": self.input.scans,
            "input.labels": self.input.labels,
            "input.pacs.query": query,
        }
        for key, table in tables.items():
            if table and table.resolve().is_relative_to(self.results.resolve()):
                raise ValueError(
                    f"{key} lies in the folder of the results, where the study writes "
                    "its own tables and which may be shared: choose another results"
                )
        return self

    @model_validator(mode="after")
    def _channels_selected(self) -> Self:
        if self.input.dicom or self.input.pacs:
            rules, channels = self.ingest.select, self.input.channels
            if problem := find_channel_problem(rules, channels):
                raise ValueError(problem)
        return self

    @model_validator(mode="after")
    def _measurable(self) -> Self:
        for intensity in self.experiments.intensity:
            if self.harmonize.foreground == "label" and self.harmonize.masks_scans(
                intensity
            ):
                raise ValueError(
                    f"harmonize.foreground: label would read the labels of test scans "
                    f"for {intensity}; choose another foreground"
                )
        groups = self.harmonize.intensity_options.of("group")["channels"]
        named = sorted(name for group in groups for name in group)
        if "group" in self.experiments.intensity and named != sorted(
            self.input.channels
        ):
            raise ValueError(
                "harmonize.intensity_options.group.channels must name each of "
                f"{', '.join(self.input.channels)} once"
            )
        return self

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _require_divisible(self.train)
        if self.train.selection == "validation" and not self.split.validation_fraction:
            raise ValueError(
                "train.selection: validation needs split.validation_fraction above 0"
            )
        if self.train.searches_rate and not self.split.validation_fraction:
            raise ValueError(
                "train.learning_rate: a list needs split.validation_fraction above 0; "
                "or give one number"
            )
        return self

    @model_validator(mode="after")
    def _adaptable(self) -> Self:
        if "none" not in self.experiments.adapt:
            raise ValueError("experiments.adapt must contain none, the reference row")
        for adapt in self.experiments.adapt:
            if not any(goes_with(adapt, norm) for norm in self.experiments.norm):
                norms = " or ".join(ADAPTATION_DECLARATIONS[adapt].facts["norms"])
                raise ValueError(
                    f"experiments.adapt: {adapt} needs {norms} in experiments.norm"
                )
        return self


def _require_divisible(train: AutoTrainConfig) -> None:
    """Refuse a patch that the levels of the network cannot halve.

    Raises:
        ValueError: it cannot be halved.
    """
    network, patch = train.network, train.patch
    if patch == AUTO:
        return
    if network.strides != AUTO and network.strides:
        shrunk = [math.prod(along) for along in zip(*network.strides, strict=True)]
        if any(size % by for size, by in zip(patch, shrunk, strict=True)):
            raise ValueError(
                f"train.patch must be divisible by {shrunk}, because "
                "train.network.strides shrink the grid by as much"
            )
    elif network.channels != AUTO:
        levels = 2 ** (len(network.channels) - 1)
        if any(size % levels for size in patch):
            raise ValueError(
                f"train.patch must be divisible by {levels}, because "
                f"train.network.channels has {len(network.channels)} levels; or set "
                "train.network.strides"
            )


def parse_study(values: Mapping[str, Any]) -> StudyConfig:
    """Check the values of a configuration file and fill in the defaults.

    Raises:
        ConfigError: the first thing wrong, with its key and what is allowed.
    """
    return parse_section(StudyConfig, values)
