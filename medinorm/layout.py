"""Where the files of a study are; no other module names these paths.

Paths hold Snakemake wildcards in braces; stages fill them with `str.format`.
"""

from dataclasses import dataclass
from pathlib import Path

from medinorm.choices import PER_SCAN_INTENSITIES
from medinorm.config import StudyConfig
from medinorm.variant import Variant

FILES_NAME = "files.tsv"  # beside the plan

# Tables of the comparison, beside verdict.json.
EVIDENCE = (
    *("failures", "domains", "gaps", "summary", "differences", "effects", "drift"),
    *("ranking", "fairness", "curves", "learning_rates", "networks", "probe"),
    *("unseen_domains", "worst_domains", "unseen_labels", "ranks", "error_retention"),
    *("rank_probabilities", "rank_agreement", "components", "recovered", "calibration"),
)

# Files beside the report.
DOCUMENTS = (
    *("claim.md", "tripod_ai.md", "model_card.md"),
    *("medinorm_variants_mqc.json", "medinorm_domains_mqc.json"),
)

_PLAIN, _PACKED = ".nii", ".nii.gz"  # suffixes of harmonized scans
_SPLIT_RUNS = "{intensity}/{norm}/{augmentation}/{split}"  # of a network
_SPLIT_VARIANT = "{intensity}/{norm}/{augmentation}/{adapt}/{split}"  # of all after it
_CANONICAL, _MAPS = "canonical", "maps"
_EXPECTED = ("_scans.tsv", "_errors.tsv", ".json")
_JOBS = "job-*.tsv"  # beside the folders of seeds
_OLD_JOBS = ("batch-*.tsv", _JOBS)  # by their names in earlier versions
_SHARDS = "status/shard-*.tsv"  # in the folder of a harmonized study

SHARED_MAP = "shared"  # in place of a split: harmonized once for all splits


@dataclass(frozen=True)
class Layout:
    """The paths of one study, as text with wildcards.

    Args:
        results: folder of everything that may be shared.
        private: folder of the pseudonym key and the links to the input.
    """

    results: str
    private: str

    @classmethod
    def of(cls, study: StudyConfig) -> "Layout":
        """The layout of a configured study."""
        return cls(results=str(study.results), private=str(study.private))

    @property
    def demo(self) -> str:
        """Marker of the finished demo input: its DICOM series and label maps."""
        return f"{self.private}/demo/labels.tsv"

    @property
    def demo_dicom(self) -> str:
        """Folder of the demo's DICOM files."""
        return f"{self.private}/demo/dicom"

    @property
    def fetched(self) -> str:
        """Table of the series fetched from a PACS, beside their files."""
        return f"{self.private}/pacs/fetched.tsv"

    @property
    def fetched_dicom(self) -> str:
        """Folder of the series fetched from a PACS."""
        return f"{self.private}/pacs/series"

    @property
    def index(self) -> str:
        """Private index of the input files."""
        return f"{self.private}/index.jsonl"

    @property
    def files(self) -> str:
        """Private table of what is to become of each input file."""
        return f"{self.private}/{FILES_NAME}"

    @property
    def plan(self) -> str:
        """Private table of candidate scans and their source files."""
        return f"{self.private}/plan.tsv"

    @property
    def canonical(self) -> str:
        """Folder of de-identified volumes (BIDS) with sidecars."""
        return f"{self.results}/{_CANONICAL}"

    @property
    def converted(self) -> str:
        """Status of the scans of one ingest shard."""
        return f"{self.results}/ingest/shard-{{shard}}.tsv"

    @property
    def scans(self) -> str:
        """Table of usable scans with the identity of their scanner."""
        return f"{self.results}/scans.tsv"

    @property
    def excluded_by_ingest(self) -> str:
        """Table of the scans and files that ingest excluded."""
        return f"{self.results}/ingest/excluded.tsv"

    @property
    def account(self) -> str:
        """Table of how many input files ended in which state."""
        return f"{self.results}/ingest/account.tsv"

    @property
    def excluded(self) -> str:
        """Table of all excluded scans and files with the reason."""
        return f"{self.results}/excluded.tsv"

    @property
    def splits(self) -> str:
        """Table of the role of each scan in each split."""
        return f"{self.results}/splits.tsv"

    @property
    def final_split(self) -> str:
        """Table of the split in which all scans train."""
        return f"{self.results}/final_split.tsv"

    @property
    def training_plan(self) -> str:
        """Spacing, patch, network and steps, from the scans that train."""
        return f"{self.results}/training_plan.json"

    @property
    def intensity_map(self) -> str:
        """A fitted intensity map."""
        return f"{self.results}/{_MAPS}/{{intensity}}/{{split}}.json"

    @property
    def harmonized_root(self) -> str:
        """Folder of all harmonized scans."""
        return f"{self.results}/harmonized"

    @property
    def harmonized(self) -> str:
        """Folder of harmonized scans; `{map}` is a split or ``shared``."""
        return f"{self.harmonized_root}/{{intensity}}/{{map}}"

    @property
    def harmonized_status(self) -> str:
        """Status of the scans of one harmonize shard."""
        return f"{self.harmonized}/status/shard-{{shard}}.tsv"

    @property
    def runs_root(self) -> str:
        """Folder of all trained networks."""
        return f"{self.results}/runs"

    @property
    def runs(self) -> str:
        """Folder of the trained networks of one split, one folder a seed."""
        return f"{self.runs_root}/{_SPLIT_RUNS}"

    @property
    def trained(self) -> str:
        """Status of the runs of one training job."""
        return f"{self.runs}/job-{{job}}.tsv"

    @property
    def learning_rates(self) -> str:
        """Table of the search among learning rates; its networks lie beside it."""
        return f"{self.runs}/learning_rates.tsv"

    @property
    def predictions_root(self) -> str:
        """Folder of all predictions."""
        return f"{self.results}/predictions"

    @property
    def predictions(self) -> str:
        """Folder of predictions of one split, one folder a seed."""
        return f"{self.predictions_root}/{_SPLIT_VARIANT}"

    @property
    def predicted(self) -> str:
        """Status of the predictions of one job."""
        return f"{self.predictions}/job-{{job}}.tsv"

    @property
    def scores(self) -> str:
        """Scores of the predictions of one job, as columns."""
        return f"{self.results}/scores/{_SPLIT_VARIANT}/job-{{job}}.parquet"

    @property
    def evidence(self) -> str:
        """Folder of the comparison's tables."""
        return f"{self.results}/evidence"

    @property
    def verdict(self) -> str:
        """The comparison in words and numbers, JSON."""
        return f"{self.evidence}/verdict.json"

    @property
    def evidence_tables(self) -> list[str]:
        """The comparison's tables; that of cases is of columns."""
        return [
            f"{self.evidence}/cases.parquet",
            *(f"{self.evidence}/{name}.tsv" for name in EVIDENCE),
        ]

    @property
    def expected(self) -> list[str]:
        """Tables and lines of the Dice to expect of scans without labels."""
        return [f"{self.evidence}/expected{end}" for end in _EXPECTED]

    @property
    def environment(self) -> str:
        """Software, machine and configuration of the study, JSON."""
        return f"{self.evidence}/environment.json"

    @property
    def report(self) -> str:
        """The report, one HTML file."""
        return f"{self.results}/report/report.html"

    @property
    def documents(self) -> list[str]:
        """Checklists, model card and tables for MultiQC, beside the report."""
        return [f"{self.results}/report/{name}" for name in DOCUMENTS]

    @property
    def previews(self) -> str:
        """Folder of the previews of the quality page."""
        return f"{self.results}/previews"

    @property
    def previews_status(self) -> str:
        """Status of the previews of one shard."""
        return f"{self.previews}/status/shard-{{shard}}.tsv"

    @property
    def qc(self) -> str:
        """The quality page, one HTML file (more only for hundreds of scans)."""
        return f"{self.results}/report/qc.html"

    @property
    def strict(self) -> str:
        """Marker that no scan was excluded."""
        return f"{self.results}/ingest/strict"

    @property
    def log(self) -> str:
        """Folder of the logs of all jobs."""
        return f"{self.results}/logs"

    @property
    def superseded(self) -> tuple[str, ...]:
        """Patterns of files that earlier versions wrote under names of their own."""
        # Before augmentation was an axis, these folders were a level less deep.
        flat = [f"{self.runs_root}/*/*/*"]
        flat += [f"{self.predictions_root}/*/*/*/*", f"{self.results}/scores/*/*/*/*"]
        return (
            *(f"{folder}/{name}" for folder in flat for name in _OLD_JOBS),
            f"{self.predictions_root}/*/*/*/*/seed-*/*.*",
            *(f"{self.results}/thumbnails/*.{end}" for end in ("png", "json")),
            f"{self.results}/thumbnails/status/*.tsv",
            f"{self.log}/thumbnails/*.log",
        )


def fill(path: str, **wildcards: object) -> str:
    """A path of the layout with its wildcards filled in; other braces stay.

    Examples:
        >>> fill("a {b}/shard-{shard}.tsv", shard=3)
        'a {b}/shard-3.tsv'
    """
    for name, value in wildcards.items():
        path = path.replace(f"{{{name}}}", str(value))
    return path


def map_of(intensity: str, split: str) -> str:
    """The `map` wildcard: the split, or ``shared`` where nothing is fitted.

    Examples:
        >>> map_of("zscore", "lodo-ge"), map_of("population", "lodo-ge")
        ('shared', 'lodo-ge')
    """
    return SHARED_MAP if intensity in PER_SCAN_INTENSITIES else split


def split_runs(runs: Path, variant: Variant, split: str) -> Path:
    """Folder of the networks of one split below the folder of all.

    Examples:
        >>> variant = Variant("none", "ibn", "flip", "tent")
        >>> split_runs(Path("r"), variant, "a").as_posix()
        'r/none/ibn/flip/a'
    """
    return runs / fill(_SPLIT_RUNS, split=split, **variant._asdict())


def run_folder(runs: Path, seed: int) -> Path:
    """Folder of one seed below the folder of its split.

    Examples:
        >>> run_folder(Path("pooled"), 3).as_posix()
        'pooled/seed-3'
    """
    return runs / f"seed-{seed}"


def rate_folder(runs: Path, rate: float) -> Path:
    """Folder of the networks that show how good a learning rate is.

    Examples:
        >>> rate_folder(Path("pooled"), 0.01).as_posix()
        'pooled/rate-0.01'
    """
    return runs / f"rate-{rate}"


def harmonized_paths(harmonized: Path, scan: str) -> tuple[Path, Path]:
    """Where the harmonized image and label map of a scan are.

    They are compressed where the study asked for that; then there are no others.
    """
    packed = named_paths(harmonized, scan, compress=True)
    return packed if packed[0].exists() else named_paths(harmonized, scan)


def named_paths(
    harmonized: Path, scan: str, *, compress: bool = False
) -> tuple[Path, Path]:
    """Names of the image and the label map of a scan, uncompressed or compressed.

    Examples:
        >>> named_paths(Path("h"), "sub-1_T1w", compress=True)[1].name
        'sub-1_T1w_label.nii.gz'
    """
    suffix = _PACKED if compress else _PLAIN
    return harmonized / f"{scan}{suffix}", harmonized / f"{scan}_label{suffix}"


def status_tables(output: Path) -> list[Path]:
    """The status tables of the stage that makes `output`, as far as there are any.

    Without them Snakemake makes it again.

    Args:
        output: a canonical or harmonized file, the weights of a network or a
            prediction.
    """
    folders = (output.parent, output.parent.parent)
    tables = [table for folder in folders for table in sorted(folder.glob(_JOBS))]
    tables += sorted(output.parent.glob(_SHARDS))
    for folder in output.parents:
        if folder.name == _CANONICAL:
            tables += sorted(folder.with_name("ingest").glob("shard-*.tsv"))
    return tables


def is_made_by_fit(path: Path) -> bool:
    """Whether a fitted map lies where the study puts it, not in a folder of a user's.

    Examples:
        >>> is_made_by_fit(Path("results/maps/nyul/pooled.json"))
        True
        >>> is_made_by_fit(Path("my.json"))
        False
    """
    return path.parent.parent.name == _MAPS


def is_canonical_label(path: Path) -> bool:
    """Whether a file is a label map of a study's canonical data set.

    Examples:
        >>> is_canonical_label(Path("results/canonical/d/sub-1_dseg.nii.gz"))
        True
        >>> is_canonical_label(Path("labels/sub-1_dseg.nii.gz"))
        False
    """
    named = path.name.endswith(f"_dseg{_PACKED}")
    return named and any(folder.name == _CANONICAL for folder in path.parents)


def tables_read_for(output: Path) -> list[Path]:
    """The tables that later stages read to find `output`, made from its status tables.

    Only canonical volumes have one: `scans.tsv`.
    """
    folders = (folder for folder in output.parents if folder.name == _CANONICAL)
    return [table for f in folders for table in f.parent.glob("scans.tsv")]
