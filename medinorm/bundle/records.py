"""What the results of a study say about the networks of one variant.

All of it is recorded beside the files themselves, so that a bundle has the settings by
which its networks were made, whatever the configuration says now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medinorm.config import HarmonizeConfig, PredictConfig
from medinorm.config.section import parse_section
from medinorm.errors import MedinormError, StageError
from medinorm.files.atomic import read_json
from medinorm.files.records import read_records
from medinorm.files.sidecars import KEY, sidecar_path
from medinorm.layout import Layout, fill, harmonized_paths, map_of, split_runs
from medinorm.records.evidence import SummaryRow
from medinorm.records.scans import FINAL, SplitRow
from medinorm.records.verdict import read_verdict
from medinorm.train.model import ModelCard, model_path
from medinorm.variant import Variant


@dataclass(frozen=True)
class Chosen:
    """One variant of a study, and the networks of one of its splits.

    Args:
        layout: where the files of the study are.
        summary: what the study found of the variant.
        split: rows of the split.
        domain: columns that define the domains.
    """

    layout: Layout
    summary: SummaryRow
    split: tuple[SplitRow, ...]
    domain: tuple[str, ...]

    @property
    def variant(self) -> Variant:
        """The variant."""
        return self.summary.variant

    @property
    def name(self) -> str:
        """Name of the split."""
        return self.split[0].split

    @property
    def final(self) -> bool:
        """Whether all scans of the study trained them."""
        return self.name == FINAL

    @property
    def runs(self) -> list[Path]:
        """Folders of the trained networks, one a seed.

        Raises:
            StageError: there is none.
        """
        folder = split_runs(Path(self.layout.runs_root), self.variant, self.name)
        runs = [path.parent for path in sorted(folder.glob("seed-*/model.safetensors"))]
        if not runs:
            raise StageError(
                "the variant has no trained network in this split; run the study first"
            )
        return runs

    @property
    def card(self) -> ModelCard:
        """The card that the networks share."""
        return ModelCard.from_json(
            read_json(sidecar_path(model_path(self.runs[0])))["card"]
        )

    @property
    def fitted(self) -> Path:
        """Where the fitted map is, if the intensity method has one."""
        variant = self.variant
        path = fill(
            self.layout.intensity_map, intensity=variant.intensity, split=self.name
        )
        return Path(path)

    @property
    def harmonized(self) -> Path:
        """Folder of its harmonized scans."""
        intensity = self.variant.intensity
        place = {"intensity": intensity, "map": map_of(intensity, self.name)}
        return Path(fill(self.layout.harmonized, **place))

    def harmonize(self) -> HarmonizeConfig:
        """The settings by which its training scans were harmonized.

        Raises:
            StageError: they are not recorded, or use masks, which a new scan lacks.
        """
        intensity, folder = self.variant.intensity, self.harmonized
        scans = [row.scan for row in self.split if row.role == "train"]
        values = dict(_settings_of([harmonized_paths(folder, s)[0] for s in scans]))
        if values.get("foreground") == "file":
            raise StageError(
                "the variant needs a mask for each scan (harmonize.foreground: file), "
                "which a new scan lacks; choose another variant"
            )
        values.pop("intensity", None)
        if options := values.pop("options", None):
            values["intensity_options"] = {intensity: options}
        return parse_section(HarmonizeConfig, values)

    def predict(self) -> PredictConfig:
        """The settings by which test scans of the study were segmented."""
        split = "*" if self.name == FINAL else self.name
        pattern = fill(self.layout.predictions, **self.variant._asdict(), split=split)
        root = Path(self.layout.predictions_root)
        inside = Path(pattern).relative_to(root) / "seed-*" / "*.nii.gz"
        values = dict(_settings_of(sorted(root.glob(str(inside)))))
        values.pop("adapt", None)
        return parse_section(PredictConfig, values)

    def labels(self) -> dict[int, str]:
        """Value and name of each label, as the quality page shows them."""
        previews = sorted(Path(self.layout.previews).glob("*.png"))
        names = _settings_of(previews)["label_values"]
        return {int(value): str(name) for value, name in names.items()}


def choose_variant(results: Path, wanted: str | None, split: str | None) -> Chosen:
    """The variant that a bundle is made of: the verdict's best, unless one is named.

    Args:
        results: folder of a finished study.
        wanted: its levels, as in `zscore/instance/standard`, or enough of them.
        split: name of the split whose networks are taken; if not given, the one that
            all scans train in, if the variant was trained on it, or a pooled one.

    Raises:
        StageError: there is none, or several have these levels.
    """
    layout = Layout(str(results), str(results.with_name("private")))
    verdict = read_verdict(Path(layout.verdict))
    summary = read_records(Path(layout.evidence) / "summary.tsv", SummaryRow)
    able = [row for row in summary if row.variant.adapt == "none"]
    if wanted is None:
        best = [row for row in able if row.variant in verdict.best[:1]]
        if not best:
            raise StageError(
                "the verdict names no best variant that works without adaptation; name "
                "one with --variant"
            )
    else:
        best = [row for row in able if row.variant.has_levels(wanted)]
    if len(best) != 1:
        known = ", ".join("/".join(row.variant[:3]) for row in able)
        raise StageError(f"--variant: {len(best)} variants fit; known: {known}")
    rows = read_records(Path(layout.splits), SplitRow)
    final, variant = Path(layout.final_split), best[0].variant
    runs = split_runs(Path(layout.runs_root), variant, FINAL)
    if final.exists() and any(runs.glob("seed-*/model.safetensors")):
        rows = [*read_records(final, SplitRow), *rows]
    return Chosen(layout, best[0], _rows_of(rows, split), verdict.domain)


def _rows_of(rows: Sequence[SplitRow], split: str | None) -> tuple[SplitRow, ...]:
    """The rows of a split."""
    names = dict.fromkeys(row.split for row in rows)
    whole = [row.split for row in rows if row.design in {FINAL, "pooled"}]
    name = split or next(iter(whole), None)
    if name not in names:
        raise StageError(f"--split: name one of {', '.join(names)}")
    return tuple(row for row in rows if row.split == name)


def _settings_of(outputs: Sequence[Path]) -> Mapping[str, Any]:
    """The settings that the sidecar of the first of some outputs records.

    Raises:
        StageError: none has one.
    """
    for output in outputs:
        try:
            return dict(read_json(sidecar_path(output))[KEY]["settings"])
        except (OSError, ValueError, KeyError, TypeError, MedinormError):
            continue
    raise StageError(
        "the results of the study do not say how the variant was made; run it again"
    )
