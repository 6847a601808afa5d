"""The whole of ingest in one process, for use without Snakemake."""

from pathlib import Path

from medinorm.config import IngestConfig, InputConfig
from medinorm.ingest.collect import collect_scans
from medinorm.ingest.convert import convert_scans
from medinorm.ingest.plan import plan_scans


def ingest_scans(
    results: Path,
    *,
    private: Path,
    input: InputConfig,  # noqa: A002 - the word in the configuration
    ingest: IngestConfig,
) -> None:
    """Plan, convert and collect.

    Args:
        results: folder for `scans.tsv`, `excluded.tsv` and `canonical/`.
        private: folder of the key and of all that links pseudonyms to the input.
        input: where the scans come from.
        ingest: how they are checked and named.

    Raises:
        StageError: the input is missing or contradictory, or no scan is usable.
    """
    plan = private / "plan.tsv"
    status = results / "ingest" / "shard-0.tsv"
    plan_scans(plan, private=private, input=input, ingest=ingest)
    convert_scans(
        plan,
        results / "canonical",
        status,
        private=private,
        shard=0,
        shards=1,
        input=input,
        ingest=ingest,
    )
    collect_scans([status], plan, results / "scans.tsv", results / "excluded.tsv")
