"""The init stage: a study file to start from."""

import logging
import os
from pathlib import Path

from medinorm.config import (
    AutoTrainConfig,
    ExperimentsConfig,
    SplitConfig,
)
from medinorm.config.numbers import AUTO
from medinorm.errors import StageError
from medinorm.files.atomic import replacing
from medinorm.init.draft import Draft
from medinorm.init.headers import (
    FirstLook,
    look_at_bids,
    look_at_dicom,
    look_at_table,
    require_headers,
)
from medinorm.jobs.declare import stage
from medinorm.split.stage import plan_splits
from medinorm.training_plan.cohort import Cohort
from medinorm.training_plan.estimate import estimate_study
from medinorm.training_plan.machine import read_budget
from medinorm.training_plan.planner import plan_training

_LOOKS = {"scans": look_at_table, "bids": look_at_bids, "dicom": look_at_dicom}

_log = logging.getLogger(__name__)


@stage("init")
def draft_study(
    study: Path,
    *,
    scans: Path | None = None,
    bids: Path | None = None,
    dicom: Path | None = None,
) -> None:
    """Write a study file to start from, and say what such a study takes.

    The numbers in its comments come from the headers of some scans. No pixel is read.

    Args:
        study: the YAML file to write; it must not be there.
        scans: a table of image files with columns subject and image.
        bids: or a BIDS folder.
        dicom: or a folder of DICOM files.

    Raises:
        StageError: the file is there already, not exactly one input is named, it does
            not exist, or nothing in it can be read.
    """
    inputs = {"scans": scans, "bids": bids, "dicom": dicom}
    named = {key: path for key, path in inputs.items() if path is not None}
    if len(named) != 1:
        raise StageError("name one input: --scans TABLE, --bids or --dicom FOLDER")
    if study.exists():
        raise StageError("the study file is there already; name another one")
    ((key, source),) = named.items()
    if not (source.is_file() if key == "scans" else source.is_dir()):
        kind = "table" if key == "scans" else "folder"
        raise StageError(f"--{key}: there is no such {kind}; check its path")
    draft = make_draft(key, source, require_headers(_LOOKS[key](source)))
    try:
        with replacing(study) as temporary:
            temporary.write_text(draft.text, encoding="utf-8")
    except OSError:
        raise StageError(
            "--study: cannot be written there; name a file in a folder you can write"
        ) from None
    _log.info("%s", draft.summary())
    _log.info(
        "written: %s; look at the lines marked CHECK, then run "
        "snakemake --cores all --configfile %s",
        *(study.name, study.name),
    )


def make_draft(key: str, source: Path, look: FirstLook) -> Draft:
    """The study file for an input, with the plan of its headers.

    Args:
        key: of the input.
        source: the table or folder.
        look: what its headers say.
    """
    train, cohort = AutoTrainConfig(), Cohort(look.headers)
    plan = plan_training(cohort, AUTO, train, read_budget(train))
    cores = os.cpu_count() or 1
    cost = estimate_study(
        plan,
        ExperimentsConfig(),
        scans=look.scans,
        splits=_count_splits(cohort),
        cores=cores,
        rates=len(train.rates),
    )
    read = len(look.headers)
    return Draft(key, source, look.domain, plan, cost, read, look.scans, cores)


def _count_splits(cohort: Cohort) -> int:
    """How many splits the default designs make of the domains, at least of two."""
    domains = cohort.domains if len(cohort.domains) > 1 else ("one", "other")
    return len(plan_splits(domains, SplitConfig()))
