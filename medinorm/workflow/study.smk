# Each rule calls one subcommand of `medinorm`, which can also be called by hand.
# Settings come as flags, so that a changed setting re-runs exactly the jobs that use it.
from pathlib import Path

from medinorm.config import parse_study
from medinorm.cli.flags import write_flags
from medinorm.environment.machine import read_versions
from medinorm.errors import ConfigError, StageError
from medinorm.layout import Layout
from medinorm.records.beyond_means import mechanism_paths
from medinorm.records.metrics import METRICS
from medinorm.records.scans import HARMONIZED_ONLY
from medinorm.jobs.cluster import check_cluster
from medinorm.jobs.needs import ask_for
from medinorm.workflow.start import (
    NO_CONFIGURATION,
    count_networks,
    find_same_networks,
    show_if_silent,
    start_study,
)
from medinorm.workflow.wiring import Wiring, ends_after_harmonize, write_rate_flags
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

# Snakemake merges a --configfile into this one, so that other studies would
# get settings of the demo: it is read only when no other is given.
if not workflow.configfiles:
    if not Path("config/config.yaml").is_file():
        show_if_silent(NO_CONFIGURATION, workflow.output_settings.quiet)
        raise WorkflowError(NO_CONFIGURATION)

    configfile: "config/config.yaml"


try:
    study = parse_study(config)
except ConfigError as error:
    show_if_silent(str(error), workflow.output_settings.quiet)
    # One line for the user; Snakemake would add where in the code it was raised.
    raise WorkflowError(str(error)) from None

layout = Layout.of(study)
wiring = Wiring(study, layout)


wildcard_constraints:
    shard=r"\d+",
    job=r"\d+",
    intensity=r"[a-z_]+",
    norm=r"[a-z_]+",
    augmentation=r"[a-z_]+",
    adapt=r"[a-z_]+",


localrules:
    strict,


onstart:
    # Settings of the executor for SLURM; others have no such attributes.
    asked = [
        getattr(workflow.executor_settings, name, None)
        for name in ("status_command", "init_seconds_before_status_checks")
    ]
    try:
        if line := check_cluster(*asked):
            logger.warning(line)
        start_study(layout)
        logger.info(count_networks(study, Path(layout.splits)))
        for line in find_same_networks(study, Path(layout.splits)):
            logger.warning(line)
    except StageError as error:
        show_if_silent(str(error), workflow.output_settings.quiet)
        raise WorkflowError(str(error)) from None


onsuccess:
    if ends_after_harmonize(layout.splits):
        logger.info(HARMONIZED_ONLY)
        show_if_silent(HARMONIZED_ONLY, workflow.output_settings.quiet)


include: "ingest.smk"
include: "split.smk"
include: "harmonize.smk"
include: "train.smk"
include: "predict.smk"
include: "score.smk"
include: "evidence.smk"
include: "report.smk"
