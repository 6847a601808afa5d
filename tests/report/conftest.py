"""A fabricated study: small heads, networks that err, tables that agree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest

from medinorm.config import ReportConfig, TaskConfig
from medinorm.files.names import slug
from medinorm.files.nifti import Volume, write_volume
from medinorm.files.records import column_names
from medinorm.files.tables import write_table
from medinorm.records import verdict as verdicts
from medinorm.records.evidence import (
    CaseRow,
    DifferenceRow,
    DomainRow,
    FairnessRow,
    GapRow,
    RankingRow,
    SummaryRow,
)
from medinorm.records.scans import (
    AccountRow,
    ExcludedRow,
    ScanRow,
    SplitRow,
    read_scans,
)
from medinorm.report.findings import ReportFindings, read_findings
from medinorm.report.pages.report_page import write_report
from medinorm.report.section import ReportInputs
from medinorm.report.text.methods import StageSettings
from medinorm.variant import Variant

LABELS = {1: "white matter", 2: "gray matter", 3: "cerebrospinal fluid"}
SCANNERS = ("GE Signa HDxt 1.5T", "Hyperfine Swoop 0.064T", "Siemens Skyra 3T")
VARIANTS = tuple(
    ("zscore", norm, "flip", adapt)
    for norm, adapt in (
        ("instance", "none"),
        ("group", "none"),
        ("batch", "batch_statistics"),
        ("layer", "none"),
        ("batch", "none"),
    )
)
VariantNames = tuple[str, str, str, str]


@dataclass(frozen=True)
class FakeStudy:
    """What is fabricated.

    Args:
        root: where its files go.
        scanners: the domains.
        domain: columns that define them.
        variants: best first.
        designs: the designs that were run.
        seeds: how many.
        subjects: on each scanner; half of them test.
        size: voxels along each axis.
        silent: a label value that no test scan has.
        ranked: whether the seeds were enough.
    """

    root: Path
    scanners: Sequence[str] = SCANNERS
    domain: Sequence[str] = ("scanner",)
    variants: Sequence[VariantNames] = VARIANTS
    designs: Sequence[str] = ("lodo", "pooled")
    seeds: int = 3
    subjects: int = 6
    size: int = 24
    silent: int | None = None
    ranked: bool = True

    @property
    def scans(self) -> list[tuple[str, str, str]]:
        """Scan, subject and scanner."""
        return [
            (f"sub-{10 * d + s:03d}_T1w", f"{10 * d + s:03d}", scanner)
            for d, scanner in enumerate(self.scanners, start=1)
            for s in range(self.subjects)
        ]

    @property
    def tests(self) -> list[tuple[str, str, str]]:
        """The scans that test."""
        return [row for i, row in enumerate(self.scans) if i % self.subjects % 2 == 0]

    @property
    def splits(self) -> list[tuple[str, str, set[str]]]:
        """Name, design and training domains."""
        everything = set(self.scanners)
        splits = []
        for design in self.designs:
            if design == "pooled":
                splits.append(("pooled", design, everything))
                continue
            for scanner in self.scanners:
                own = {scanner}
                trained = {"single": own, "lodo": everything - own}.get(
                    design, everything
                )
                splits.append((f"{design}-{slug(scanner)}", design, trained))
        return splits

    def dice(
        self, variant: VariantNames, scanner: str, label: int, known: bool
    ) -> float:
        """Mean Dice by formula: worse for later variants, labels and scanners."""
        rank, place = self.variants.index(variant), list(self.scanners).index(scanner)
        share = rank / max(len(self.variants), 5)
        loss = 0.0 if known else 0.02 + 0.42 * share * (0.4 + (place == 1))
        return 0.93 - 0.03 * label - 0.03 * share - 0.02 * (place % 3) - loss

    def findings(self) -> ReportFindings:
        """Read its tables."""
        names = ("scans", "excluded", "splits")
        tables = (self.root / f"{name}.tsv" for name in names)
        return read_findings(*tables, self.root / "evidence", LABELS)

    def inputs(self, **changes: object) -> ReportInputs:
        """What a section is written from."""
        inputs = ReportInputs(
            title="A fabricated study",
            findings=self.findings(),
            account=(AccountRow("converted", "", 3600),),
            volumes=read_scans(self.root / "scans.tsv", self.root / "canonical"),
            evidence=self.root / "evidence",
            predictions=self.root / "predictions",
            harmonized=None,
            settings=ReportConfig(),
            stages=StageSettings(),
        )
        return replace(inputs, **changes)

    def report(
        self,
        harmonized: Path | None = None,
        against: Path | None = None,
        **settings: object,
    ) -> str:
        """Write the report and read it."""
        page = self.root / "report" / "report.html"
        write_report(
            page,
            scans=self.root / "scans.tsv",
            excluded=self.root / "excluded.tsv",
            account=self.root / "account.tsv",
            splits=self.root / "splits.tsv",
            evidence=self.root / "evidence",
            canonical=self.root / "canonical",
            predictions=self.root / "predictions",
            title="A fabricated study",
            input=TaskConfig(label_values=LABELS),
            settings=ReportConfig(**settings),
            harmonized=harmonized,
            against=against,
        )
        return page.read_text(encoding="utf-8")


@pytest.fixture
def fake_study(tmp_path: Path) -> Callable[..., FakeStudy]:
    """Fabricate a study with some traits."""

    def fabricate(**traits: object) -> FakeStudy:
        study = FakeStudy(tmp_path, **traits)
        write_scans(study)
        write_splits(study)
        write_scores(study)
        write_verdict(study)
        write_volumes(study)
        return study

    return fabricate


def write_scans(study: FakeStudy) -> None:
    """scans.tsv and excluded.tsv."""
    rows = [
        {
            "scan": scan,
            "subject": subject,
            "image": f"{scan}.nii.gz",
            "label": f"{scan}_dseg.nii.gz",
            "channels": "image",
            "scanner": scanner,
            "vendor": scanner.split()[0],
            "field_strength": 1.5,
            "repetition_time": 0.0023 + 0.0001 * int(subject),
            "protocol": "brain",
        }
        for scan, subject, scanner in study.scans
    ]
    columns = (*column_names(ScanRow), "protocol")
    write_table(study.root / "scans.tsv", rows, columns)
    excluded = [
        {"where": "series 17", "scan": "sub-901_T1w", "reason": "constant image"},
        {"where": "37 files", "scan": "", "reason": "not DICOM"},
    ]
    write_table(study.root / "excluded.tsv", excluded, column_names(ExcludedRow))
    account = [
        {"state": "converted", "reason": "", "files": 3600},
        {"state": "excluded", "reason": "not DICOM", "files": 37},
        {"state": "quarantined", "reason": "constant image", "files": 160},
    ]
    write_table(study.root / "account.tsv", account, column_names(AccountRow))


def write_splits(study: FakeStudy) -> None:
    """splits.tsv."""
    tests = {scan for scan, _, _ in study.tests}
    rows = [
        {
            "split": split,
            "design": design,
            "fold": 0,
            "scan": scan,
            "subject": subject,
            "domain": scanner,
            "role": "test" if scan in tests else "train",
        }
        for split, design, trained in study.splits
        for scan, subject, scanner in study.scans
        if scan in tests or scanner in trained
    ]
    write_table(study.root / "splits.tsv", rows, column_names(SplitRow))


def named(variant: VariantNames, prefix: str = "") -> dict[str, str]:
    """The columns that name a variant."""
    keys = ("intensity", "norm", "augmentation", "adapt")
    return {prefix + key: value for key, value in zip(keys, variant, strict=True)}


def around(name: str, value: float, width: float) -> dict[str, float]:
    """An estimate with its interval."""
    return {name: value, f"{name}_low": value - width, f"{name}_high": value + width}


def write_scores(study: FakeStudy) -> None:
    """cases.tsv, domains.tsv, gaps.tsv, summary.tsv, differences.tsv, ranking.tsv."""
    evidence = study.root / "evidence"
    cases, domains = fabricate_cases(study), fabricate_domains(study)
    summary = [summarize(study, variant) for variant in study.variants]
    write_table(evidence / "cases.tsv", cases, column_names(CaseRow))
    write_table(evidence / "domains.tsv", domains, column_names(DomainRow))
    write_table(evidence / "summary.tsv", reversed(summary), column_names(SummaryRow))
    gaps = [
        named(variant)
        | {"domain": scanner, "scans": 3, "subjects": 3, "seeds": study.seeds}
        | around("gap", 0.05, 0.01)
        for variant, scanner in product(study.variants, study.scanners)
        if {"lodo", "pooled"} <= set(study.designs)
    ]
    write_table(evidence / "gaps.tsv", gaps, column_names(GapRow))
    differences = [
        named(a)
        | named(b, "other_")
        | around("difference", 0.031, 0.012)
        | {"p_holm": 0.0004, "detectable": 0.018, "verdict": "better"}
        | {"further_verdict": "undecided", "next_low": -0.2, "next_high": 0.26}
        | {"scans": 9, "seeds": study.seeds}
        for a, b in combinations(study.variants, 2)
    ]
    write_table(evidence / "differences.tsv", differences, column_names(DifferenceRow))
    if study.ranked:
        ranking = [
            named(row_variant)
            | around("out_domain", 0.8, 0.02)
            | {"rank": i, "probability_best": 0.87 / i, "rank_low": 1, "rank_high": i}
            for i, row_variant in enumerate(study.variants, start=1)
        ]
        write_table(evidence / "ranking.tsv", ranking, column_names(RankingRow))
    fairness = [
        named(variant)
        | {"runs": 12, "seconds_per_step": 0.0421, "peak_memory_mb": 812.0}
        | {"parameters": 123456 + i, "steps": 300, "learning_rate": 0.003}
        for i, variant in enumerate(study.variants)
    ]
    write_table(evidence / "fairness.tsv", fairness, column_names(FairnessRow))


def fabricate_cases(study: FakeStudy) -> list[dict[str, object]]:
    """One row a prediction and label; one prediction of the last variant is missing."""
    generator = np.random.default_rng(0)
    rows: list[dict[str, object]] = []
    for variant, (split, design, trained), seed in product(
        study.variants, study.splits, range(study.seeds)
    ):
        for (scan, subject, scanner), label in product(study.tests, LABELS):
            known = scanner in trained
            dice = study.dice(variant, scanner, label, known)
            dice -= abs(generator.normal(0, 0.02 if known else 0.05))
            lost = variant == study.variants[-1] and scan == study.tests[0][0]
            state = "missing" if lost and not known else "scored"
            dice = 0.0 if state == "missing" else max(dice, 0.0)
            empty = label == study.silent
            rows.append(
                named(variant)
                | {"split": split, "design": design, "fold": 0, "seed": seed}
                | {"train_set": split, "scan": scan, "subject": subject}
                | {"label": label, "domain": scanner}
                | {
                    "in_domain": "yes" if known else "no",
                    "failure": "missing" if state == "missing" else "none",
                }
                | {"state": "empty" if empty else state}
                | ({} if empty else {"dice": dice, "nsd": 0.9, "hd95": 3.4})
                | {"voxels_label": 0 if empty else 90, "voxels_prediction": 80}
            )
    return rows


def fabricate_domains(study: FakeStudy) -> list[dict[str, object]]:
    """One row a training set, test domain and label."""
    rows: list[dict[str, object]] = []
    for variant, (split, design, trained), scanner in product(
        study.variants, study.splits, study.scanners
    ):
        known = scanner in trained
        scores = {
            label: study.dice(variant, scanner, label, known)
            for label in LABELS
            if label != study.silent
        }
        cells: dict[object, float | None] = {
            label: scores.get(label) for label in LABELS
        }
        cells["mean"] = float(np.mean(list(scores.values())))
        rows += [
            named(variant)
            | {"design": design, "train_set": split, "domain": scanner}
            | {"in_domain": "yes" if known else "no", "label": label}
            | {"scans": 3, "seeds": study.seeds, "failures": 0}
            | {"empty": 9 if value is None else 0}
            | ({} if value is None else {"nsd": 0.913, "hd95": 3.37})
            | ({} if value is None else around("dice", value, 0.02))
            for label, value in cells.items()
        ]
    return rows


def summarize(study: FakeStudy, variant: VariantNames) -> dict[str, object]:
    """One row of summary.tsv."""
    inside, outside = (
        float(
            np.mean(
                [
                    study.dice(variant, scanner, label, known)
                    for scanner in study.scanners
                    for label in LABELS
                ]
            )
        )
        for known in (True, False)
    )
    row: dict[str, object] = named(variant)
    row |= {"scans": 9, "subjects": 9, "domains": len(study.scanners)}
    row |= {"seeds": study.seeds, "failures": 2, "empty": 0}
    if "pooled" in study.designs:
        row |= around("in_domain", inside, 0.012)
    if "lodo" in study.designs:
        row |= around("out_domain", outside, 0.03)
        row |= {"new_low": outside - 0.14, "new_high": min(outside + 0.14, 1.0)}
        row |= {"worst_domain": study.scanners[1], "worst_dice": outside - 0.07}
        row |= {"nsd": 0.91, "hd95": 4.12, "new_factor": 4.97}
    if {"lodo", "pooled"} <= set(study.designs):
        row |= around("gap", inside - outside, 0.011)
    return row


def write_verdict(study: FakeStudy) -> None:
    """verdict.json."""
    verdict = verdicts.Verdict(
        ranked=study.ranked,
        reason="" if study.ranked else "there are 2 seeds and 3 are needed",
        best=tuple(Variant(*v) for v in study.variants[: 2 * study.ranked]),
        reference=None,
        sentences=(
            "Instance normalization holds up best on scanners it has never seen."
            if study.ranked
            else "The variants are not ranked: there are 2 seeds and 3 are needed.",
            "Batch normalization loses most of its accuracy on the low-field scanner.",
        ),
        confidence=0.95,
        domains=len(study.scanners),
        scans=len(study.tests),
        subjects=len(study.tests),
        seeds=study.seeds,
        predictions=90,
        failures=2,
        version="0.1.0",
        domain=tuple(study.domain),
        settings={"resamples": 2000, "equivalence": 0.01},
    )
    verdicts.write_verdict(study.root / "evidence" / "verdict.json", verdict)


def write_volumes(study: FakeStudy) -> None:
    """Images, label maps and predictions: nested shells, a prediction that is off."""
    generator = np.random.default_rng(1)
    grid = np.indices((study.size,) * 3) - (study.size - 1) / 2
    scale = study.size / 24
    affine = np.diag([2.0 / scale, 2.0 / scale, 2.5 / scale, 1.0])
    for index, (scan, _, scanner) in enumerate(study.scans):
        place = list(study.scanners).index(scanner)
        label = shells(grid, 9.5 * scale * (1 + 0.02 * (index % 3)), 0.0)
        tissue = np.array([0, 90, 60, 25])[label] * (1 + 3 * place) + 5
        noise = generator.normal(0, 4 + 6 * place, label.shape)
        image = (tissue + noise).clip(0).astype(np.float32)
        folder = study.root / "canonical"
        write_volume(Volume(image[None], affine), folder / f"{scan}.nii.gz")
        truth = Volume(label[None].astype(np.uint8), affine)
        write_volume(truth, folder / f"{scan}_dseg.nii.gz")
    for (split, _, trained), (rank, variant) in product(
        study.splits, enumerate(study.variants)
    ):
        for (scan, _, scanner), seed in product(study.tests, range(study.seeds)):
            lost = variant == study.variants[-1] and scan == study.tests[0][0]
            if scanner in trained or lost:
                continue
            guess = shells(grid, (9.0 - 0.5 * rank) * scale, 0.4 * rank * scale)
            folder = study.root.joinpath("predictions", *variant, split)
            path = folder / f"seed-{seed}" / f"{scan}.nii.gz"
            write_volume(Volume(guess[None].astype(np.uint8), affine), path)


def shells(grid: np.ndarray, radius: float, shift: float) -> np.ndarray:
    """Three nested, slightly wavy shells: labels 3, 2, 1 from outside to inside."""
    x, y, z = grid
    wave = 0.5 * np.sin(x * 0.9) * np.cos(y * 0.8)
    distance = np.sqrt((x - shift) ** 2 + (y * 0.85) ** 2 + z**2) + wave
    label = np.zeros(distance.shape, dtype=np.int64)
    for value, part in ((3, 1.0), (2, 0.85), (1, 0.6)):
        label[distance < radius * part] = value
    return label
