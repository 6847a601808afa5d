"""The whole of ingest in one process, for use without Snakemake."""

from collections.abc import Sequence
from pathlib import Path

from medinorm.config import IngestConfig, InputConfig
from medinorm.ingest.collect import collect_scans
from medinorm.ingest.convert import convert_scans
from medinorm.ingest.plan import plan_scans


def ingest_scans(
    results: Path,
    *,
    private: Path,
    columns: Sequence[str],
    input: InputConfig,  # noqa: A002 - the word in the configuration
    ingest: IngestConfig,
) -> None:
    """Plan, convert and collect.

    Args:
        results: folder for `scans.tsv`, `excluded.tsv` and `canonical/`.
        private: folder of the key and of all that links pseudonyms to the input.
        columns: the user's own columns that may be shown in `scans.tsv`.
        input: where the scans come from.
        ingest: how they are checked and named.

    Raises:
        StageError: the input is missing or contradictory, or no scan is usable.
    """
    plan = private / "plan.tsv"
    canonical = results / "canonical"
    status = results / "ingest" / "shard-0.tsv"
    plan_scans(plan, private=private, input=input, ingest=ingest)
    convert_scans(
        plan,
        canonical,
        status,
        private=private,
        shard=0,
        shards=1,
        columns=columns,
        input=input,
        ingest=ingest,
    )
    collect_scans(
        plan, canonical, results / "scans.tsv", results / "excluded.tsv", [status]
    )
