"""What the Snakefile asks: which files each stage of a study reads.

Only `scores` needs to know the splits; it is called after the checkpoint that makes
them.
"""

import json
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from medinorm.choices import PER_SCAN_INTENSITIES, IntensityName, NormName
from medinorm.cli.flags import write_flags
from medinorm.cli.hidden_flags import hide_flags
from medinorm.config import (
    AutoHarmonizeConfig,
    AutoTrainConfig,
    BudgetConfig,
    GridConfig,
    InputConfig,
    StudyConfig,
)
from medinorm.config.numbers import AUTO
from medinorm.config.section import Section
from medinorm.environment.shown import show_study
from medinorm.files.atomic import checksum
from medinorm.files.tables import read_table
from medinorm.jobs.training_jobs import TrainingJobs
from medinorm.layout import Layout, fill, map_of
from medinorm.records.beyond_means import mechanism_paths
from medinorm.records.scans import FINAL
from medinorm.records.verdict import read_verdict
from medinorm.variant import Variant


@dataclass(frozen=True)
class Wiring:
    """The files and flags of one study.

    Args:
        study: its configuration.
        layout: where its files live.
    """

    study: StudyConfig
    layout: Layout

    @property
    def input(self) -> InputConfig:
        """The configured input; for a PACS or the demo, the DICOM files from there."""
        configured = self.study.input
        if configured.pacs:
            made: dict[str, object] = {
                "dicom": [self.layout.fetched_dicom],
                "pacs": None,
            }
        elif configured.demo:
            made = {"dicom": [self.layout.demo_dicom], "labels": self.layout.demo}
        else:
            return configured
        return InputConfig.model_validate(configured.model_dump() | made)

    def results(self, splits: str) -> list[str]:
        """What a study ends with: its marker, if it is strict, or its pages.

        Args:
            splits: `splits.tsv`, which must exist.
        """
        return [self.layout.strict] if self.study.strict else self.pages(splits)

    def pages(self, splits: str) -> list[str]:
        """The pages of a study; without any label map, the harmonized scans.

        Args:
            splits: `splits.tsv`, which must exist.
        """
        if not ends_after_harmonize(splits):
            return [self.layout.report, self.layout.qc]
        return [self.layout.qc, *self._harmonized(split_names(splits))]

    @property
    def fetch_flags(self) -> str:
        """The flags of fetch."""
        pacs = self.study.input.pacs
        return self._hidden(pacs) if pacs else ""

    @property
    def index_flags(self) -> str:
        """The flags of index."""
        return self._hidden(self.input)

    @property
    def input_flags(self) -> str:
        """The flags of plan and convert."""
        return self._hidden(self.input, self.study.ingest)

    @property
    def split_flags(self) -> str:
        """The settings of split; hidden if they name tables of ratings."""
        split = self.study.split
        flags = write_flags(split)
        return self._hide(flags, split.ratings) if split.ratings else flags

    def _hidden(self, *sections: Section) -> str:
        """Flags about the input, in a private file."""
        source = self.study.input
        query = source.pacs.query if source.pacs else None
        tables = filter(None, [source.scans, source.labels, query])
        return self._hide(" ".join(map(write_flags, sections)), tables)

    def _hide(self, flags: str, tables: Iterable[Path]) -> str:
        """Flags in a private file, and another one when the user's tables change."""
        stamps = [checksum(path) if path.is_file() else "" for path in tables]
        private = Path(self.layout.private) / "flags"
        return hide_flags(flags, private, because=stamps)

    @property
    def columns(self) -> str:
        """Columns of the user that the study needs, as words of a shell."""
        return shlex.join((*self.study.split.domain, *self.study.split.test_only))

    @property
    def report_flags(self) -> str:
        """The flags of the report: its own, and what its methods text describes."""
        study = self.study
        options = study.harmonize.intensity_options.only(*study.experiments.intensity)
        used = study.harmonize.model_copy(update={"intensity_options": options})
        described = (study.input.task, used, self._train, study.score)
        flags = " ".join(map(write_flags, (*described, study.report)))
        return self._without_masks(f"{_plan_words(self.plan)}{flags}", used)

    @property
    def environment_flags(self) -> str:
        """The settings of the study that may be shown, in a file: they are long."""
        words = ["--configuration", json.dumps(show_study(self.study), sort_keys=True)]
        return hide_flags(shlex.join(words), Path(self.layout.private) / "flags")

    @property
    def plan(self) -> list[str]:
        """The training plan, if it decides anything in this study."""
        train = self.study.train
        planned = train.left_to_plan or train.network.left_to_plan
        return [self.layout.training_plan] if planned or self.plan_of_grid else []

    @property
    def plan_of_grid(self) -> list[str]:
        """The training plan, if it decides the voxel spacing."""
        left = self.study.harmonize.spacing == AUTO
        return [self.layout.training_plan] if left else []

    @property
    def plan_flags(self) -> str:
        """The numbers that the configuration sets, and the budget."""
        grid = GridConfig(spacing=self.study.harmonize.spacing)
        return f"{write_flags(grid)} {write_flags(self.study.train)}"

    @property
    def train_flags(self) -> str:
        """The settings of training, and the plan where it decides some of them."""
        settings = f"{write_flags(self.study.input.task)} {write_flags(self._train)}"
        return f"{_plan_words(self.plan)}{settings}"

    @property
    def training(self) -> TrainingJobs:
        """What a training job asks for. A budget of a card is no main memory."""
        train, experiments = self.study.train, self.study.experiments
        budget, cards = train.budget, train.device == "cuda"
        on_card = cards or budget.where == "card"
        named = budget.memory != AUTO and not on_card
        return TrainingJobs(
            threads_each=train.threads,
            devices=train.devices,
            nodes=train.nodes,
            cards=cards,
            networks=min(experiments.runs_per_job, len(experiments.seeds)),
            minutes=budget.minutes,
            memory=float(budget.memory) if named else None,
        )

    @property
    def rates(self) -> list[str]:
        """The table of the search among learning rates, if there are several."""
        searched = self.study.train.searches_rate
        return [self.layout.learning_rates] if searched else []

    @property
    def _train(self) -> AutoTrainConfig:
        """The settings of training without the budget, which only the plan spends."""
        return self.study.train.model_copy(update={"budget": BudgetConfig()})

    @property
    def input_tables(self) -> list[str]:
        """Tables that other jobs write and that say which scans there are."""
        if self.study.input.pacs:
            return [self.layout.fetched]
        return [self.layout.demo] if self.study.input.demo else []

    @property
    def converted(self) -> list[str]:
        """Status tables of ingest."""
        shards = range(self.study.shards)
        return [fill(self.layout.converted, shard=shard) for shard in shards]

    @property
    def previews(self) -> list[str]:
        """Status tables of the previews of the quality page."""
        shards = range(self.study.shards)
        return [fill(self.layout.previews_status, shard=shard) for shard in shards]

    def splits_of(self, split: str) -> str:
        """The table that has a split."""
        return self.layout.final_split if split == FINAL else self.layout.splits

    def final(self, splits: str, verdict: Callable[[], str]) -> list[str]:
        """Status tables of the networks that train on all scans, if any.

        Args:
            splits: `splits.tsv`, which must exist.
            verdict: gives `verdict.json`; only called if the best variant is wanted.
        """
        if not self.study.final or ends_after_harmonize(splits):
            return []
        named = self.study.final is not True
        best = () if named else read_verdict(Path(verdict())).best[:1]
        chosen = self.study.choose_final(best)
        return list(self._jobs(self.layout.trained, (FINAL,), chosen)) if chosen else []

    def fitted(self, intensity: str, map_name: str) -> list[str]:
        """The fitted map that harmonizing needs, if any."""
        if intensity in PER_SCAN_INTENSITIES:
            return []
        return [fill(self.layout.intensity_map, intensity=intensity, split=map_name)]

    def fit_flags(self, intensity: IntensityName) -> str:
        """The settings that fitting a map depends on, as flags."""
        settings = self.study.harmonize.used_by(intensity, fitting=True)
        flags = f"{_plan_words(self.plan_of_grid)}{write_flags(settings)}"
        return self._without_masks(flags, settings)

    def harmonize_flags(self, intensity: IntensityName, map_name: str) -> str:
        """The fitted map, if any, and the settings that mapping scans depends on."""
        words: list[str] = []
        for fitted in self.fitted(intensity, map_name):
            words = ["--fitted", fitted]
            words += ["--splits", self.splits_of(map_name), "--split", map_name]
        settings = self.study.harmonize.used_by(intensity)
        flags = self._without_masks(write_flags(settings), settings)
        plan = _plan_words(self.plan_of_grid)
        return f"{shlex.join(words)} {plan}{flags}".strip()

    def _without_masks(self, flags: str, settings: AutoHarmonizeConfig) -> str:
        """The flags; hidden if they name the folder of masks, which may name patients.

        Like the user's tables, masks are not input files: changed masks change the
        command.
        """
        if settings.masks is None:
            return flags
        masks = sorted(settings.masks.glob("*.nii.gz"))
        stamps = [f"{mask.name} {mask.stat().st_mtime_ns}" for mask in masks]
        private = Path(self.layout.private) / "flags"
        return hide_flags(flags, private, because=stamps)

    def harmonized(self, intensity: str, split: str) -> list[str]:
        """Status tables of the harmonized scans of a split."""
        return [
            fill(
                self.layout.harmonized_status,
                intensity=intensity,
                map=map_of(intensity, split),
                shard=shard,
            )
            for shard in range(self.study.shards)
        ]

    def harmonized_folder(self, intensity: str, split: str) -> str:
        """Folder of the harmonized scans of a split."""
        place = {"intensity": intensity, "map": map_of(intensity, split)}
        return fill(self.layout.harmonized, **place)

    def norm_options(self, norm: NormName) -> str:
        """Arguments of a layer, as JSON."""
        options = self.study.experiments.norm_options
        return json.dumps(options.get(norm, {}), sort_keys=True)

    def seeds(self, job: str) -> str:
        """The seeds of one job, as words."""
        size = self.study.experiments.runs_per_job
        first = int(job) * size
        return " ".join(map(str, self.study.experiments.seeds[first : first + size]))

    def scores(self, splits: str) -> list[str]:
        """Score tables of the whole study.

        Args:
            splits: `splits.tsv`, which must exist.
        """
        return list(self._jobs(self.layout.scores, split_names(splits)))

    def predicted(self, splits: str, design: str = "lodo") -> list[str]:
        """Status tables of the predictions of a design, or of all without one.

        Args:
            splits: `splits.tsv`, which must exist.
            design: of the splits; Dice is expected from those of `lodo`.
        """
        return list(self._jobs(self.layout.predicted, split_names(splits, design)))

    def mechanism(self, splits: str) -> list[str]:
        """Tables of what the norms do inside of all networks; see `scores`."""
        predicted = self.predicted(splits, design="")
        return [path for status in predicted for path in mechanism_paths(status)]

    def searches(self, splits: str) -> list[str]:
        """Tables of the search among learning rates of the whole study, if any.

        Args:
            splits: `splits.tsv`, which must exist.
        """
        names = split_names(splits)
        tables = (
            fill(table, **variant._asdict(), split=split)
            for table in self.rates
            for variant in self.study.experiments.variants
            for split in names
        )
        return list(dict.fromkeys(tables))

    def shown(self, splits: str) -> list[str]:
        """Status tables of the volumes that the report shows.

        If it finds one damaged, they are deleted, and the volume is made again.

        Args:
            splits: `splits.tsv`, which must exist.
        """
        names = split_names(splits)
        predicted = self._jobs(self.layout.predicted, names)
        return list(dict.fromkeys((*self._harmonized(names), *predicted)))

    def _harmonized(self, splits: tuple[str, ...]) -> Iterator[str]:
        """Status tables of the harmonized scans of the given splits."""
        return (
            table
            for intensity in self.study.experiments.intensity
            for split in splits
            for table in self.harmonized(intensity, split)
        )

    def _jobs(
        self, table: str, splits: tuple[str, ...], variants: Iterable[Variant] = ()
    ) -> Iterator[str]:
        """Tables of all jobs of the given splits, and variants or all of them."""
        experiments = self.study.experiments
        jobs = -(-len(experiments.seeds) // experiments.runs_per_job)
        return (
            fill(table, **variant._asdict(), split=split, job=job)
            for variant in (variants or experiments.variants)
            for split in splits
            for job in range(jobs)
        )


def write_rate_flags(tables: Iterable[str]) -> str:
    """The tables of the search among learning rates as words of a command, if any."""
    words = [*tables]
    return shlex.join(["--learning-rates", *words]) if words else ""


def _plan_words(plan: list[str]) -> str:
    """The training plan as words of a command, if it is needed."""
    return f"--training-plan {shlex.quote(plan[0])} " if plan else ""


def ends_after_harmonize(splits: str) -> bool:
    """Whether no scan of a study has a label map.

    Args:
        splits: `splits.tsv`; if it is not there, nothing is known yet.
    """
    path = Path(splits)
    if not path.is_file():
        return False
    return {row["role"] for row in read_table(path)} == {"unlabelled"}


def split_names(splits: str, design: str = "") -> tuple[str, ...]:
    """Names of the splits, of all designs or of one, in the order of the table."""
    path = Path(splits)
    known = _split_designs(path, path.stat().st_mtime_ns)
    return tuple(name for name, own in known.items() if design in {"", own})


@lru_cache(maxsize=2)
def _split_designs(path: Path, _modified: int) -> Mapping[str, str]:
    """The design of each split, read once for each version of the table."""
    return {row["split"]: row["design"] for row in read_table(path)}
