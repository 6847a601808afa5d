"""The whole of ingest in one process, for use without Snakemake."""

from collections.abc import Sequence
from pathlib import Path

from medinorm.config import IngestConfig, InputConfig
from medinorm.ingest.collect.stage import collect_scans
from medinorm.ingest.convert.stage import convert_scans
from medinorm.ingest.index import index_input
from medinorm.ingest.plan.stage import plan_scans
from medinorm.jobs.declare import stage
from medinorm.layout import Layout, fill


@stage("ingest", after="collect")
def ingest_scans(
    results: Path,
    *,
    private: Path = Path("private"),
    columns: Sequence[str] = (),
    input: InputConfig,  # noqa: A002 - the word in the configuration
    ingest: IngestConfig,
) -> None:
    """Index, plan, convert and collect.

    Args:
        results: folder for `scans.tsv`, `excluded.tsv` and `canonical/`.
        private: folder of the key and of all that links pseudonyms to the input.
        columns: the user's own columns that may be shown in `scans.tsv`.
        input: where the scans come from.
        ingest: how they are checked and named.

    Raises:
        StageError: the input is missing or contradictory, or no scan is usable.
    """
    layout = Layout(str(results), str(private))
    index, plan, canonical = map(Path, (layout.index, layout.plan, layout.canonical))
    status = Path(fill(layout.converted, shard=0))
    index_input(index, private=private, input=input)
    plan_scans(index, plan, private=private, input=input, ingest=ingest)
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
        plan,
        Path(layout.files),
        canonical,
        Path(layout.scans),
        Path(layout.excluded),
        Path(layout.account),
        [status],
    )
