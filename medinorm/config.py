"""The study's configuration: one frozen section for each part of the workflow.

`config/schema.json` and the key reference in `config/README.md` are generated from
these sections (``medinorm schema``); a test keeps them in step.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from medinorm.choices import (
    AdaptName,
    DesignName,
    ForegroundName,
    IntensityName,
    NetworkName,
    NormName,
    ScannerName,
)
from medinorm.sections import Section, parse_section

Millimetres = Annotated[float, Field(gt=0, le=100)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Word = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


class TaskConfig(Section):
    """What is segmented in which images."""

    channels: tuple[Word, ...] = Field(
        default=("image",),
        min_length=1,
        description="Image channels: the columns of `scans`, or the BIDS suffixes.",
    )
    label_values: dict[Annotated[int, Field(ge=1, le=255)], str] = Field(
        default={1: "white matter", 2: "gray matter", 3: "cerebrospinal fluid"},
        min_length=1,
        description="The labels to segment: value in the label map and name. "
        "0 is background; any other value excludes the scan.",
    )


class InputConfig(TaskConfig):
    """Where the scans come from. With none of `scans`, `dicom`, `bids`: the demo."""

    scans: Path | None = Field(
        default=None,
        description="Table of NIfTI scans (tab-separated): `subject`, optional "
        "`session`, one column for each channel, `label`, domain columns.",
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
        "optional `session`) and `label`. DICOM SEG objects among the files are found "
        "by themselves.",
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources = [self.scans is not None, bool(self.dicom), self.bids is not None]
        if sum(sources) > 1:
            raise ValueError("give one of scans, dicom and bids, not several")
        if self.labels is not None and not self.dicom:
            raise ValueError("labels goes with dicom; scans and bids name their own")
        if len(set(self.channels)) < len(self.channels):
            raise ValueError("channels must differ from each other")
        if len(self.channels) > 1 and self.dicom:
            raise ValueError("dicom input has one channel; use scans for several")
        return self

    @property
    def demo(self) -> bool:
        """Whether the study runs on simulated scans."""
        return self.scans is None and not self.dicom and self.bids is None

    @property
    def task(self) -> TaskConfig:
        """What is segmented, without where it comes from."""
        return TaskConfig(channels=self.channels, label_values=self.label_values)


class DemoConfig(Section):
    """The simulated study: real anatomy seen by scanners that do not exist."""

    scanners: tuple[ScannerName, ...] = Field(
        default=("siemens_3t", "ge_15t", "lowfield_64mt"),
        min_length=2,
        description="Simulated scanners; `lowfield_64mt` is the known-hard one.",
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
        default=16, description="Scans with a shorter axis than this are excluded."
    )
    grid_tolerance: Millimetres = Field(
        default=0.01,
        description="Largest distance of the corners of image and label grid, in mm.",
    )


class SplitConfig(Section):
    """Who trains and who tests, decided by subject before anything is learned."""

    domain: tuple[Word, ...] = Field(
        default=("scanner",),
        min_length=1,
        description="Column of `scans.tsv` (or several, combined) that defines the "
        "domains.",
    )
    designs: tuple[DesignName, ...] = Field(
        default=("lodo", "pooled"),
        min_length=1,
        description="`lodo`: train on all domains but one; `pooled`: on all; "
        "`single`: on one.",
    )
    folds: Annotated[int, Field(ge=2)] = Field(
        default=4, description="Equal parts into which each domain's subjects fall."
    )
    test_folds: Count = Field(
        default=1,
        description="Parts that test in turn: 1 is a fixed test set, `folds` is all.",
    )
    validation_fraction: Fraction = Field(
        default=0.0,
        description="Part of the training subjects kept for `train.selection`.",
    )
    seed: Seed = Field(default=0, description="Seed of the division into parts.")

    @model_validator(mode="after")
    def _enough_folds(self) -> Self:
        if self.test_folds > self.folds:
            raise ValueError("test_folds cannot exceed folds")
        return self


class HarmonizeConfig(Section):
    """How scans are brought to one voxel grid and one intensity scale."""

    spacing: tuple[Millimetres, Millimetres, Millimetres] = Field(
        default=(1.0, 1.0, 1.0),
        description="Voxel spacing after resampling, in mm, along R, A and S.",
    )
    foreground: ForegroundName = Field(
        default="otsu",
        description="Voxels whose intensities are measured; the map applies to all.",
    )
    percentiles: tuple[Percent, Percent] = Field(
        default=(1.0, 99.0),
        description="For `percentile`: these go to 0 and 1; values beyond are clipped.",
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        low, high = self.percentiles
        if low >= high:
            raise ValueError("percentiles must rise: the first below the second")
        return self


class NetworkConfig(Section):
    """The segmentation network, the same for every norm."""

    name: NetworkName = Field(default="unet", description="MONAI network.")
    channels: tuple[Count, ...] = Field(
        default=(16, 32, 64, 128),
        min_length=2,
        description="Feature channels of each level; each level halves the grid.",
    )
    residual_units: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="Residual units in each level (`unet`); 0 is two convolutions.",
    )


class TrainConfig(Section):
    """How each network is trained; the same for every variant."""

    network: NetworkConfig = Field(
        default=NetworkConfig(), description="The segmentation network."
    )
    patch: tuple[Count, Count, Count] = Field(
        default=(48, 48, 48), description="Training patch, in voxels along R, A, S."
    )
    batch_size: Count = Field(default=2, description="Patches in a mini-batch.")
    steps: Count = Field(default=300, description="Optimizer steps of a run.")
    learning_rate: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1e-2, description="Peak learning rate (AdamW, one cycle)."
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(
        default=1e-5, description="Weight decay of AdamW."
    )
    augmentation: Literal["none", "flip", "intensity"] = Field(
        default="flip",
        description="`flip`: left-right mirror; `intensity`: that, and random gain, "
        "offset and noise. With labels that tell left from right use `none`.",
    )
    foreground_ratio: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.5, description="Share of patches centred on a labelled voxel."
    )
    shots: Count = Field(
        default=2,
        description="Unlabelled scans that tell conditional norms a domain's style.",
    )
    selection: Literal["last", "validation"] = Field(
        default="last",
        description="Which weights are kept: the last, or those with the best Dice on "
        "the validation subjects of the training domains.",
    )
    precision: Literal["auto", "32-true", "bf16-mixed"] = Field(
        default="32-true",
        description="`auto`: bfloat16 where the processor computes in it.",
    )
    checkpoint_steps: Count = Field(
        default=50, description="Steps between checkpoints a killed run resumes from."
    )
    threads: Count = Field(default=1, description="Threads of a training job.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Where to train."
    )


class ExperimentsConfig(Section):
    """What is compared: every combination of these is trained and tested."""

    intensity: tuple[IntensityName, ...] = Field(
        default=("zscore",), min_length=1, description="Intensity methods."
    )
    norm: tuple[NormName, ...] = Field(
        default=("batch", "instance", "group", "layer"),
        min_length=1,
        description="Normalization layers.",
    )
    norm_options: dict[NormName, dict[str, Any]] = Field(
        default={}, description="Arguments of a layer, e.g. `group: {num_groups: 4}`."
    )
    adapt: tuple[AdaptName, ...] = Field(
        default=("none",),
        min_length=1,
        description="Test-time rows of `batch`, learned from the unlabelled test scans "
        "of each domain: `batch_statistics` estimates the statistics anew (AdaBN), "
        "`tent` adapts gains and offsets by entropy minimization (TENT).",
    )
    seeds: tuple[Seed, ...] = Field(
        default=(0, 1, 2),
        min_length=1,
        description="Seeds of training; with fewer than 3 nothing is ranked.",
    )
    runs_per_job: Count = Field(
        default=3, description="Seeds trained by one job; 1 for one GPU a run."
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for name in ("intensity", "norm", "adapt", "seeds"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise ValueError(f"{name} names the same entry twice")
        return self


class PredictConfig(Section):
    """How a network is applied to a whole scan."""

    overlap: Fraction = Field(
        default=0.25, description="Overlap of neighbouring tiles, as a part of a tile."
    )
    tiles: Count = Field(default=4, description="Tiles that go through at once.")
    statistics: Literal["tiles", "strided", "exact"] = Field(
        default="tiles",
        description="Tiles that `thumbnail_instance` measures: few, thinned or all.",
    )


class ScoreConfig(Section):
    """How a prediction is compared with its label map."""

    tolerance: Millimetres = Field(
        default=2.0, description="Tolerance of the normalized surface Dice, in mm."
    )


class EvidenceConfig(Section):
    """How scores become statements."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = Field(
        default=0.95, description="Level of all intervals."
    )
    resamples: Annotated[int, Field(ge=100)] = Field(
        default=2000, description="Bootstrap resamples."
    )
    equivalence: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.01, description="Differences in Dice within this are no difference."
    )
    seed: Seed = Field(default=0, description="Seed of the bootstrap.")


class ReportConfig(Section):
    """What the report shows."""

    worst_cases: Annotated[int, Field(ge=0, le=50)] = Field(
        default=6, description="Scans in the gallery of worst cases."
    )


class StudyConfig(Section):
    """A study: which scans, which normalizations, how compared."""

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
    shards: Count = Field(
        default=2,
        description="Jobs among which per-scan work is divided; more than the cores "
        "of one machine for a cluster.",
    )
    input: InputConfig = Field(default=InputConfig(), description="")
    demo: DemoConfig = Field(default=DemoConfig(), description="")
    ingest: IngestConfig = Field(default=IngestConfig(), description="")
    split: SplitConfig = Field(default=SplitConfig(), description="")
    harmonize: HarmonizeConfig = Field(default=HarmonizeConfig(), description="")
    experiments: ExperimentsConfig = Field(default=ExperimentsConfig(), description="")
    train: TrainConfig = Field(default=TrainConfig(), description="")
    predict: PredictConfig = Field(default=PredictConfig(), description="")
    score: ScoreConfig = Field(default=ScoreConfig(), description="")
    evidence: EvidenceConfig = Field(default=EvidenceConfig(), description="")
    report: ReportConfig = Field(default=ReportConfig(), description="")

    @model_validator(mode="after")
    def _folders_apart(self) -> Self:
        results, private = self.results.resolve(), self.private.resolve()
        if results.is_relative_to(private) or private.is_relative_to(results):
            raise ValueError(
                "private must lie outside of results: only those are shared"
            )
        if any(set("{}") & set(str(path)) for path in (self.results, self.private)):
            raise ValueError("results and private must not have braces in their names")
        return self

    @model_validator(mode="after")
    def _possible(self) -> Self:
        levels = 2 ** (len(self.train.network.channels) - 1)
        if any(size % levels for size in self.train.patch):
            raise ValueError(
                f"train.patch must be divisible by {levels}, because "
                f"train.network.channels has {len(self.train.network.channels)} levels"
            )
        if self.train.selection == "validation" and not self.split.validation_fraction:
            raise ValueError(
                "train.selection: validation needs split.validation_fraction above 0"
            )
        adapts = set(self.experiments.adapt)
        if adapts != {"none"} and "batch" not in self.experiments.norm:
            raise ValueError(
                "experiments.adapt: test-time rows need batch in experiments.norm"
            )
        if "none" not in adapts:
            raise ValueError("experiments.adapt must contain none, the reference row")
        return self


def parse_study(values: Mapping[str, Any]) -> StudyConfig:
    """Check the values of a configuration file and fill in the defaults.

    Raises:
        ConfigError: the first thing wrong, with its key and what is allowed.
    """
    return parse_section(StudyConfig, values)
